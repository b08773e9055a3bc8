"""What happens to queries in practice, to see what it costs: each takes and gives tiles (B, S, S, 3) uint8."""

import io
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from .seeds import generator
from .views import stained


def _floats(change: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def changed(tiles: Tensor) -> Tensor:
        pixels = change(tiles.permute(0, 3, 1, 2).float())
        return pixels.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return changed


def jpeg50(tiles: Tensor) -> Tensor:
    def one(tile: Tensor) -> np.ndarray:
        out = io.BytesIO()
        Image.fromarray(tile.numpy()).save(out, "JPEG", quality=50)
        return np.array(Image.open(out))
    return torch.from_numpy(np.stack([one(tile) for tile in tiles]))


def blurred(pixels: Tensor, sigma: float = 1.0) -> Tensor:
    weights = torch.exp(-torch.arange(-3, 4).float() ** 2 / (2 * sigma**2))
    weights = (weights / weights.sum()).view(1, 1, -1).repeat(3, 1, 1)
    pixels = F.pad(pixels, (3, 3, 3, 3), mode="reflect")
    return F.conv2d(F.conv2d(pixels, weights.unsqueeze(2), groups=3), weights.unsqueeze(3), groups=3)


def zoomed(pixels: Tensor, factor: float) -> Tensor:
    """The same square at another magnification: a part enlarged, or mirrored surroundings shrunk with it."""
    side = pixels.shape[-1]
    length = round(side / factor)
    if length < side:
        start = (side - length) // 2
        pixels = pixels[:, :, start:start + length, start:start + length]
    else:
        before = (length - side) // 2
        pixels = F.pad(pixels, (before, length - side - before) * 2, mode="reflect")
    return F.interpolate(pixels, size=side, mode="bicubic", antialias=True, align_corners=False)


# The jitter of the stain is drawn anew for each batch of a fixed size, from one seed.
CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "stain": _floats(lambda pixels: stained(pixels, 0.1, generator(0, "stain", len(pixels)))),
    "JPEG 50": jpeg50,
    "blur σ 1": _floats(blurred),
    "turn 90°": lambda tiles: tiles.rot90(1, (1, 2)),
    "zoom 0.8": _floats(lambda pixels: zoomed(pixels, 0.8)),
    "zoom 1.25": _floats(lambda pixels: zoomed(pixels, 1.25)),
}
