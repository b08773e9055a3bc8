"""Embeddings by any encoder that the table compares, named by a short text."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from . import checkpoints, cnn
from .errors import Problem
from .evaluation import Labelled, embedded
from .swin import Architecture, Swin

Change = Callable[[Tensor], Tensor] | None


def embeddings(name: str, gallery: Labelled, queries: Labelled | None, device: str, bf16: bool,
               change: Change = None) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows of gallery and queries (None for leave-one-out). `change` is applied to the queries' tiles alone.

    Names: a model file; `cnn:V` (head features of EfficientNet-LiteV); `cnn:V:B,B` (blocks, pooled and standardised on
    the gallery); `histogram`; `random:SEED` and `random:SEED:centred` (an untrained Swin of width 32).
    """
    encode, resize, crop, standardise = encoder(name, device, bf16)
    first = embedded(encode, gallery.tiles, resize, crop, device=device)
    second = None if queries is None else embedded(encode, queries.tiles, resize, crop, device=device, change=change)
    mean = first.mean(0) if standardise != "raw" else 0.0
    deviation = np.maximum(first.std(0), 1e-6) if standardise == "standardised" else 1.0
    return (first - mean) / deviation, None if second is None else (second - mean) / deviation


def encoder(name: str, device: str, bf16: bool) -> tuple[Callable[[Tensor], Tensor], int, int, str]:
    """What encodes, the resizing and cutting before it, and what is done to its rows."""
    kind, *rest = name.split(":")
    if kind == "histogram":
        return histogram, 256, 224, "raw"
    if kind == "random":
        torch.manual_seed(int(rest[0]))
        net = Swin(Architecture.of_width(32)).to(device)
        return net, 256, 224, "centred" if rest[1:] == ["centred"] else "raw"
    if kind == "cnn":
        lite = cnn.Lite(cnn.find(int(rest[0])), torch.bfloat16 if bf16 else torch.float32, device)
        blocks = [int(block) for block in rest[1].split(",")] if rest[1:] else [lite.blocks]
        return lambda x: lite.pooled(x, blocks), 256, 224, "standardised" if rest[1:] else "raw"
    if not Path(name).exists():
        raise Problem(f"{name}: no such file, nor one of cnn:…, random:… and histogram")
    net = checkpoints.load(Path(name))[0].to(device)
    words = checkpoints.preprocessing(net.architecture)

    def encode(x: Tensor) -> Tensor:
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            return net(x)
    return encode, words["resize"], words["crop"], "raw"


def histogram(x: Tensor) -> Tensor:
    """8 x 8 x 8 colours of the normalised input, each cell's square root: cosine then is Bhattacharyya's coefficient."""
    from .views import MEAN, STD
    cells = ((x * STD + MEAN).clamp(0, 0.999) * 8).long()
    flat = (cells[:, 0] * 64 + cells[:, 1] * 8 + cells[:, 2]).flatten(1)
    counts = torch.zeros(len(x), 512).scatter_add_(1, flat, torch.ones_like(flat, dtype=torch.float32))
    return (counts / counts.sum(1, keepdim=True)).sqrt()
