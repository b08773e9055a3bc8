import re

import pytest
from conftest import ROOT

from esvit_training.datasets import PATTERNS

NAMES = [
    ("BRACS", "train/4_ADH/BRACS_1486_ADH_3.png", ("ADH", "1486", None)),
    ("BRACS", "test/0_N/BRACS_281_N_12.png", ("N", "281", None)),
    ("BRACS", "val/6_IC/BRACS_1494_IC_1.png", ("IC", "1494", None)),
    ("BACH", "ICIAR2018_BACH_Challenge/Photos/InSitu/is007.tif", ("InSitu", None, None)),
    ("BACH", "ICIAR2018_BACH_Challenge/Photos/Invasive/iv100.tif", ("Invasive", None, None)),
    ("BACH", "Photos/Normal/n032.tif", ("Normal", None, None)),
    ("BACH", "Photos/thumbs/x.png", (None, None, None)),
    ("NCT-CRC-HE", "NCT-CRC-HE-100K/ADI/ADI-AAAFLCLY.tif", ("ADI", None, None)),
    ("NCT-CRC-HE", "CRC-VAL-HE-7K/NORM/NORM-TCGA-AAICEQFN.tif", ("NORM", None, None)),
    ("LC25000", "lung_colon_image_set/colon_image_sets/colon_aca/colonca17.jpeg", ("colon_aca", None, None)),
    ("LC25000", "lung_colon_image_set/lung_image_sets/lung_scc/lungscc4999.jpeg", ("lung_scc", None, None)),
    ("BreakHis", "malignant/SOB/ductal_carcinoma/SOB_M_DC_14-2523/400X/SOB_M_DC-14-2523-400-010.png",
     ("DC", "14-2523", "14-2523")),
    ("BreakHis", "benign/SOB/adenosis/SOB_B_A_14-22549AB/40X/SOB_B_A-14-22549AB-40-001.png",
     ("A", "14-22549AB", "14-22549AB")),
]


@pytest.mark.parametrize(("name", "path", "truth"), NAMES)
def test_patterns_find_label_slide_and_patient(name, path, truth):
    assert PATTERNS[name].read(path) == truth


def test_the_documented_patterns_are_these():
    text = (ROOT / "docs/datasets.md").read_text()
    for name, patterns in PATTERNS.items():
        section = re.search(rf"^## {re.escape(name)}.*?(?=^## |\Z)", text, re.M | re.S)
        assert section, name
        for pattern in (patterns.label, patterns.slide, patterns.patient):
            assert pattern is None or f"`{pattern}`" in section[0], (name, pattern)
