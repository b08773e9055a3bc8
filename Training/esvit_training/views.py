"""Random views of tiles, all of a batch at once.

Every number is drawn on the CPU from the generator that is handed in, so that a view depends on nothing but the tile and
the generator's seed, whatever device computes it.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


@dataclass(frozen=True)
class Jitter:
    """How views differ. `zoom` is output pixels for a tile's pixel, drawn log-uniformly (evaluation's is 256/224)."""

    zoom: tuple[float, float] = (1.0, 1.6)
    stain: float = 0.1
    blur: float = 0.0


def normalise(x: Tensor) -> Tensor:
    return (x - MEAN.to(x.device)) / STD.to(x.device)


def view(tiles: Tensor, side: int, jitter: Jitter, generator: Generator) -> Tensor:
    """(B, S, S, 3) uint8 to (B, 3, side, side), normalised: a part of the tile, zoomed, at any of four quarter turns and
    a small angle, mirrored or not, its stain and focus changed."""
    batch, tile = len(tiles), tiles.shape[1]

    def uniform(low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(batch, generator=generator) * (high - low) + low

    zoom = torch.exp(uniform(math.log(jitter.zoom[0]), math.log(jitter.zoom[1])))
    half = (side / zoom / tile).clamp(max=1.0)  # half the view's extent; the tile's is 1
    turns = torch.randint(0, 4, (batch,), generator=generator)
    angle = turns * (math.pi / 2) + uniform(-0.15, 0.15)
    mirror = torch.where(uniform() < 0.5, -1.0, 1.0)
    room = (1 - half).clamp(min=0)
    x, y = uniform(-1, 1) * room, uniform(-1, 1) * room
    cos, sin = torch.cos(angle) * half, torch.sin(angle) * half
    theta = torch.stack([torch.stack([cos * mirror, -sin, x], 1), torch.stack([sin * mirror, cos, y], 1)], 1)
    grid = F.affine_grid(theta.to(tiles.device), (batch, 3, side, side), align_corners=False)
    pixels = tiles.permute(0, 3, 1, 2).float()
    pixels = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    if jitter.stain:
        pixels = stained(pixels, jitter.stain, generator)
    if jitter.blur:
        soft = F.avg_pool2d(F.pad(pixels, (1, 1, 1, 1), mode="reflect"), 3, 1)
        chosen = (uniform() < jitter.blur).view(batch, 1, 1, 1).to(tiles.device)
        pixels = torch.where(chosen, soft, pixels)
    return normalise((pixels / 255).clamp(0, 1))


def stained(pixels: Tensor, strength: float, generator: Generator) -> Tensor:
    """(B, 3, H, W) in 0…255: the optical density times a random matrix near the identity, and a little more or less."""
    batch = len(pixels)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    matrix = torch.eye(3) * (1 + strength * normal(batch, 1, 1)) + 0.35 * strength * normal(batch, 3, 3)
    shift = 0.2 * strength * normal(batch, 1, 1, 1)
    density = -torch.log((pixels + 1) / 256)
    density = torch.einsum("bij,bjhw->bihw", matrix.to(pixels.device), density) + shift.to(pixels.device)
    return 256 * torch.exp(-density) - 1


def evaluation_input(tiles: Tensor, resize: int, crop: int) -> Tensor:
    """(B, S, S, 3) uint8 to the encoder's input: resized (bicubic, antialiased), the centre cut out, normalised."""
    pixels = tiles.permute(0, 3, 1, 2).float()
    if pixels.shape[-1] != resize:
        pixels = F.interpolate(pixels, size=resize, mode="bicubic", antialias=True, align_corners=False)
        pixels = pixels.clamp(0, 255).round()
    offset = (resize - crop) // 2
    return normalise(pixels[:, :, offset:offset + crop, offset:offset + crop] / 255)
