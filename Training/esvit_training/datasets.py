"""Public sets of tiles: where a tile's label, slide and patient stand in its path.

docs/datasets.md says where the sets are to be had. The expressions' first groups count, as in `esvit add --slide-from`. Each is
tested on names as the sets have them.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Patterns:
    """Expressions on a path; None where a set does not say."""

    label: str
    slide: str | None = None
    patient: str | None = None

    def read(self, path: str) -> tuple[str | None, str | None, str | None]:
        """Label, slide and patient of a path."""
        def found(pattern: str | None) -> str | None:
            match = re.search(pattern, path) if pattern else None
            return match.group(1) if match else None
        return found(self.label), found(self.slide), found(self.patient)


PATTERNS = {
    # train/4_ADH/BRACS_1486_ADH_3.png; the slide's patient stands in the set's own table.
    "BRACS": Patterns(label=r"BRACS_\d+_(N|PB|UDH|FEA|ADH|DCIS|IC)_\d+", slide=r"BRACS_(\d+)_"),
    # Photos/InSitu/is007.tif; the patient of some stands in the challenge's own table.
    "BACH": Patterns(label=r"(Benign|InSitu|Invasive|Normal)/(?:b|is|iv|n)\d+\.tiff?$"),
    # NCT-CRC-HE-100K/TUM/TUM-AAAFLCLY.tif
    "NCT-CRC-HE": Patterns(label=r"(ADI|BACK|DEB|LYM|MUC|MUS|NORM|STR|TUM)-[A-Z-]+\.tiff?$"),
    # lung_colon_image_set/colon_image_sets/colon_aca/colonca17.jpeg
    "LC25000": Patterns(label=r"(colon_aca|colon_n|lung_aca|lung_n|lung_scc)/"),
    # …/SOB_M_DC_14-2523/400X/SOB_M_DC-14-2523-400-010.png: the slide is also the patient.
    "BreakHis": Patterns(label=r"SOB_[BM]_(A|F|PT|TA|DC|LC|MC|PC)-", slide=r"SOB_[BM]_[A-Z]+-(\d+-[0-9A-Z]+)-",
                         patient=r"SOB_[BM]_[A-Z]+-(\d+-[0-9A-Z]+)-"),
}
