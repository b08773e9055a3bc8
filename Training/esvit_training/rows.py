"""Encoders that are compared, named by a short text, and what is made of their features.

Names: a model file; `histogram`; `random:SEED`, an untrained Swin of width 32; `cnn:V`, EfficientNet-LiteV. After the name,
`/` and what is made of it: for a CNN `head` or blocks such as `11,13`, pooled and standardised on the gallery, or
`metric=FILE`, a run's label-free metric of its blocks (teacher.pt); for others `centred`, the gallery's mean subtracted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from . import checkpoints, cnn, files
from .errors import Problem
from .evaluation import Labelled, embedded
from .swin import Architecture, Swin


@dataclass(frozen=True)
class Row:
    encoder: str
    made: str = ""

    @staticmethod
    def of(name: str) -> "Row":
        # A path has slashes too.
        if Path(name).exists():
            return Row(name)
        encoder, _, made = name.partition("/")
        if encoder.split(":")[0] == "cnn":
            return Row(encoder, made or "head")
        if encoder != "histogram" and encoder.split(":")[0] != "random" or made not in ("", "centred"):
            raise Problem(f"{name}: no such file, nor cnn:V[/…], random:SEED[/centred] or histogram")
        return Row(encoder, made)


class Encoders:
    """Features of sets of tiles, each computed once and kept in a folder if one is given."""

    def __init__(self, device: str, bf16: bool, cache: Path | None = None):
        self.device, self.bf16, self.cache = device, bf16, cache
        self._known: dict[str, tuple] = {}

    def features(self, encoder: str, tiles: Labelled, change: tuple[str, Callable[[Tensor], Tensor]] | None = None
                 ) -> np.ndarray:
        """(N, C) float32; of a CNN all blocks behind each other and the head last."""
        encode, resize, crop, _, key = self._encoder(encoder)
        path = None
        if self.cache:
            words = [key, tiles.key, change[0] if change else "as they are", "bf16" if self.bf16 else "f32"]
            path = self.cache / (files.sha256_of(" ".join(words)) + ".npy")
            if path.is_file():
                return np.load(path)
        found = embedded(encode, tiles.tiles, resize, crop, device=self.device, change=change[1] if change else None)
        if path:
            files.write(path, lambda file: np.save(file, found))
        return found

    def embeddings(self, row: Row, gallery: Labelled, queries: Labelled | None,
                   change: tuple[str, Callable[[Tensor], Tensor]] | None = None
                   ) -> tuple[np.ndarray, np.ndarray | None]:
        """What the gallery and the queries (None for leave-one-out) are compared by. `change` is done to queries alone."""
        first = self.features(row.encoder, gallery)
        second = None if queries is None else self.features(row.encoder, queries, change)
        make = self._make(row, first)
        return make(first), None if second is None else make(second)

    def _make(self, row: Row, gallery: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        if row.made == "":
            return lambda x: x
        if row.made == "centred":
            mean = gallery.mean(0)
            return lambda x: x - mean
        widths = self._encoder(row.encoder)[3]
        ends = np.cumsum(widths)

        def columns(blocks: list[int]) -> list[int]:
            if any(not 0 <= block < len(widths) for block in blocks):
                raise Problem(f"{row.encoder}/{row.made}: its blocks are 0 to {len(widths) - 2}")
            return [c for block in blocks for c in range(ends[block] - widths[block], ends[block])]

        if row.made == "head":
            chosen = columns([len(widths) - 1])
            return lambda x: x[:, chosen]
        if row.made.startswith("metric="):
            state = torch.load(row.made.partition("=")[2], map_location="cpu", weights_only=True)
            chosen = columns(state["blocks"].tolist())
            mean, deviation, weight, bias = (
                state[name].numpy() for name in ("pool_mean", "pool_deviation", "metric_weight", "metric_bias"))
            return lambda x: (x[:, chosen] - mean) / deviation @ weight.T + bias
        chosen = columns([int(block) for block in row.made.split(",")])
        mean, deviation = gallery[:, chosen].mean(0), np.maximum(gallery[:, chosen].std(0), 1e-6)
        return lambda x: (x[:, chosen] - mean) / deviation

    def _encoder(self, name: str) -> tuple[Callable[[Tensor], Tensor], int, int, list[int], str]:
        """What encodes, the resizing and cutting before it, the widths of its parts, and a text that tells it apart."""
        if name not in self._known:
            self._known[name] = self._made_encoder(name)
        return self._known[name]

    def _made_encoder(self, name: str) -> tuple[Callable[[Tensor], Tensor], int, int, list[int], str]:
        kind, _, rest = name.partition(":")
        if kind == "histogram":
            return histogram, 256, 224, [512], name
        if kind == "cnn" and rest.isdigit():
            lite = cnn.Lite(cnn.find(int(rest)), torch.bfloat16 if self.bf16 else torch.float32, self.device)
            blocks = range(lite.blocks + 1)
            return lambda x: lite.pooled(x, blocks), 256, 224, lite.widths, name
        key = name
        if kind == "random" and rest.isdigit():
            torch.manual_seed(int(rest))
            net = Swin(Architecture.of_width(32))
        else:
            net, key = checkpoints.load(Path(name))[0], files.sha256(Path(name))
        net = net.to(self.device)
        words = checkpoints.preprocessing(net.architecture)

        def encode(x: Tensor) -> Tensor:
            with torch.autocast(self.device, torch.bfloat16, enabled=self.bf16):
                return net(x)
        return encode, words["resize"], words["crop"], [net.architecture.dimension], key


def histogram(x: Tensor) -> Tensor:
    """8 x 8 x 8 colours of the normalised input, each cell's square root: cosine then is Bhattacharyya's coefficient."""
    from .views import MEAN, STD
    cells = ((x * STD + MEAN).clamp(0, 0.999) * 8).long()
    flat = (cells[:, 0] * 64 + cells[:, 1] * 8 + cells[:, 2]).flatten(1)
    counts = torch.zeros(len(x), 512).scatter_add_(1, flat, torch.ones_like(flat, dtype=torch.float32))
    return (counts / counts.sum(1, keepdim=True)).sqrt()
