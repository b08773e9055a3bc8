import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "Training"))
sys.path.insert(0, str(ROOT / "Tests/Fixtures"))
torch.set_num_threads(2)


def picture(seed: int, side: int = 64) -> Image.Image:
    """Smooth blobs in colours like a stain's."""
    random = np.random.default_rng(seed)
    coarse = random.integers(90, 240, (side // 8, side // 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve tiles in two class folders."""
    for index in range(12):
        place = tmp_path / "tiles" / ("healthy" if index % 2 else "tumour")
        place.mkdir(parents=True, exist_ok=True)
        picture(index).save(place / f"{index}.png")
    return tmp_path / "tiles"


@pytest.fixture(scope="session")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CNN with EfficientNet-Lite's names, narrow and random: what it says is noise, but always the same noise."""
    random = torch.Generator().manual_seed(1)
    state = {}

    def add(name: str, norm: str, *shape: int) -> None:
        state[name + ".weight"] = torch.randn(*shape, generator=random) / max(1, shape[1] * shape[2]) ** 0.5
        state.update({f"{norm}.weight": torch.ones(shape[0]), f"{norm}.bias": torch.full((shape[0],), 0.5),
                      f"{norm}.running_mean": torch.zeros(shape[0]), f"{norm}.running_var": torch.ones(shape[0])})

    add("_conv_stem", "_bn0", 8, 3, 3, 3)
    inside = 8
    for block, width in enumerate((4, 6, 8, 10, 12, 14, 16)):
        if block:
            add(f"_blocks.{block}._expand_conv", f"_blocks.{block}._bn0", 2 * inside, inside, 1, 1)
        hidden = 2 * inside if block else inside
        add(f"_blocks.{block}._depthwise_conv", f"_blocks.{block}._bn1", hidden, 1, 3, 3)
        add(f"_blocks.{block}._project_conv", f"_blocks.{block}._bn2", width, hidden, 1, 1)
        inside = width
    add("_conv_head", "_bn1", 20, inside, 1, 1)
    path = tmp_path_factory.mktemp("cnn") / "efficientnet-lite9-random.pth"
    torch.save(state, path)
    return path
