"""What the frozen CNN teaches: the standardised maps of its middle blocks, and a metric of tiles made without labels.

The metric is a linear layer on the blocks' pooled features, trained for some seconds by InfoNCE between views of a tile:
what stays the same between two views of one tile counts, what all tiles share does not. The views must be small ones: two
views of nearly the whole tile agree too easily.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import files
from .cnn import Lite
from .seeds import generator
from .swin import Swin
from .views import Jitter, view

TILES = 8192  # At most so many tiles are looked at before training, and kept as landmarks.
FIT_TILES = 1536
VIEWS = 4
STEPS = 400
BATCH = 512
TEMPERATURE = 0.2


@dataclass(frozen=True)
class Views:
    """The views that something is made from."""

    side: int
    jitter: Jitter


@dataclass(frozen=True)
class Start:
    """A trained backbone, and the views that it will go on with."""

    net: Swin
    views: Views


@dataclass
class Standard:
    """Mean and deviation of each channel."""

    mean: Tensor
    deviation: Tensor

    @staticmethod
    def of(x: Tensor) -> "Standard":
        """x (N, C)"""
        return Standard(x.mean(0), x.std(0).clamp(min=1e-6))

    def __call__(self, x: Tensor) -> Tensor:
        """x (..., C)"""
        return (x - self.mean) / self.deviation


class Teacher:
    """The CNN with what was measured on the tiles before training. The same tiles, settings and seed give the same."""

    def __init__(self, cnn: Lite, blocks: list[int], state: dict[str, Tensor]):
        self.cnn = cnn
        self.blocks = blocks
        self._map = Standard(state["map_mean"], state["map_deviation"])
        self._pool = Standard(state["pool_mean"], state["pool_deviation"])
        self._weight, self._bias = state["metric_weight"], state["metric_bias"]
        self.landmarks = state["landmarks"]

        self.heads = {name: (state[name + "_weight"], state[name + "_bias"]) for name in ("map", "pool")
                      if name + "_weight" in state}

    @property
    def width(self) -> int:
        return len(self._map.mean)

    def __call__(self, x: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
        """For views x (B, 3, S, S): the standardised maps (B, side², C), their standardised means (B, C), and the
        metric's unit vectors (B, D)."""
        maps = [one.float() for one in self.cnn(x, self.blocks)]
        tokens = torch.cat([F.adaptive_avg_pool2d(one, side) for one in maps], 1).flatten(2).transpose(1, 2)
        pooled = self._pool(torch.cat([one.mean((2, 3)) for one in maps], 1))
        return self._map(tokens), pooled, F.normalize(F.linear(pooled, self._weight, self._bias), dim=1)


def prepared(path: Path, tiles: Tensor, cnn: Lite, blocks: list[int], dimension: int, views: Views, start: Start | None,
             seed: int, device: str, progress: Callable[[int, int], None]) -> Teacher:
    """The teacher kept in `path`, which is made from `views` if absent, and fitted to a backbone to start from."""
    if not path.is_file():
        state = _measured(tiles, cnn, blocks, dimension, views, seed, device, progress)
        if start:
            state |= _fitted(state, tiles, cnn, blocks, start, seed, device)
        files.write(path, lambda file: torch.save(state, file))
    return Teacher(cnn, blocks, torch.load(path, map_location=device, weights_only=True))


def _measured(tiles: Tensor, cnn: Lite, blocks: list[int], dimension: int, views: Views, seed: int, device: str,
              progress: Callable[[int, int], None]) -> dict[str, Tensor]:
    random = generator(seed, "teacher")
    chosen = torch.randperm(len(tiles), generator=random)[:TILES]
    batches = chosen.split(64)
    sums = torch.zeros(3, 0)
    pooled = []
    for round_ in range(VIEWS):
        for number, batch in enumerate(batches):
            maps = cnn(view(tiles[batch].to(device), views.side, views.jitter, random), blocks)
            pooled.append(torch.cat([one.float().mean((2, 3)) for one in maps], 1).cpu())
            if round_ == 0:  # The maps' spread, from one view of each tile.
                moments = torch.cat([_moments(one.float()) for one in maps], 1).cpu() * len(batch)
                sums = moments if sums.numel() == 0 else sums + moments
            progress(round_ * len(batches) + number + 1, VIEWS * len(batches))
    mean = sums[0] / len(chosen)
    deviation = (sums[1] / len(chosen) - mean**2).clamp(min=1e-12).sqrt()
    features = torch.cat(pooled)
    standard = Standard.of(features)
    features = standard(features).view(VIEWS, len(chosen), -1)
    metric = _metric(features, dimension, seed)
    with torch.no_grad():
        landmarks = F.normalize(F.normalize(metric(features), dim=2).mean(0), dim=1)
    return {"map_mean": mean, "map_deviation": deviation, "pool_mean": standard.mean,
            "pool_deviation": standard.deviation, "metric_weight": metric.weight.detach(),
            "metric_bias": metric.bias.detach(), "landmarks": landmarks, "blocks": torch.tensor(blocks)}


@torch.no_grad()
def _fitted(state: dict[str, Tensor], tiles: Tensor, cnn: Lite, blocks: list[int], start: Start, seed: int,
            device: str) -> dict[str, Tensor]:
    """The metric turned to where the backbone's embeddings lie, for it is free up to a rotation (orthogonal Procrustes),
    and the linear layers from the backbone's tokens to the CNN's features (ridge regression): with others, the first
    steps would undo what the backbone has learned."""
    random = generator(seed, "fit")
    net = start.net.to(device)
    teacher = Teacher(cnn, blocks, {name: value.to(device) for name, value in state.items()})
    seen: list[list[Tensor]] = []
    for batch in torch.randperm(len(tiles), generator=random)[:FIT_TILES].split(32):
        seeing = view(tiles[batch].to(device), start.views.side, start.views.jitter, random)
        tokens = net.regions(seeing).float()
        seen.append([tokens, tokens.mean(1), *teacher(seeing, math.isqrt(tokens.shape[1]))])
    tokens, embedding, maps, pooled, target = (torch.cat(column).cpu() for column in zip(*seen, strict=True))
    u, _, v = torch.linalg.svd(target.double().T @ F.normalize(embedding, dim=1).double())
    turn = (u @ v).float()
    fitted = {"metric_weight": turn.T @ state["metric_weight"], "metric_bias": turn.T @ state["metric_bias"],
              "landmarks": state["landmarks"] @ turn}
    for name, x, y in (("map", tokens.flatten(0, 1), maps.flatten(0, 1)), ("pool", embedding, pooled)):
        x = F.pad(x, (0, 1), value=1.0).double()
        solved = torch.linalg.solve(x.T @ x / len(x) + 1e-3 * torch.eye(x.shape[1]), x.T @ y.double() / len(x)).float()
        fitted[name + "_weight"], fitted[name + "_bias"] = solved[:-1].T.contiguous(), solved[-1].contiguous()
    return fitted


def _moments(x: Tensor) -> Tensor:
    """(2, C): the mean over a batch's maps of x and of x²."""
    return torch.stack([x.mean((0, 2, 3)), (x**2).mean((0, 2, 3))])


def _metric(features: Tensor, dimension: int, seed: int) -> nn.Linear:
    """features (views, N, C), standardised; by InfoNCE (arXiv 1807.03748) between two views of each tile."""
    random = generator(seed, "metric")
    layer = nn.Linear(features.shape[2], dimension)
    bound = features.shape[2] ** -0.5
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=random)
        layer.bias.zero_()
    optimiser = torch.optim.AdamW(layer.parameters(), 1e-3, weight_decay=0.01)
    for step in range(STEPS):
        optimiser.param_groups[0]["lr"] = 1e-3 * (1 - step / STEPS)
        batch = torch.randperm(features.shape[1], generator=random)[:BATCH]
        first, second = torch.randperm(len(features), generator=random)[:2]
        z = F.normalize(torch.cat([layer(features[first, batch]), layer(features[second, batch])]), dim=1)
        similar = (z @ z.T / TEMPERATURE).masked_fill(torch.eye(len(z), dtype=torch.bool), -1e4)
        loss = F.cross_entropy(similar, torch.arange(len(z)).roll(len(batch)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return layer
