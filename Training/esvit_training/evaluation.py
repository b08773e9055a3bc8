"""Embeddings of labelled tiles and how well they retrieve."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from . import files, scores
from .checkpoints import preprocessing
from .swin import Swin
from .tiles import Pack, find, square
from .views import evaluation_input


class Labelled:
    """Tiles with labels: a pack made with --labels, or a folder of class folders. `key` tells sets of tiles apart."""

    def __init__(self, path: Path, side: int = 224):
        self.path = path
        if path.is_dir():
            from PIL import Image
            sources = find([path])
            self.labels = [source.label for source in sources]
            self.key = files.sha256_of(" ".join(str(s.path.absolute()) for s in sources))
            self.tiles = torch.empty(len(sources), side, side, 3, dtype=torch.uint8)
            for index, source in enumerate(sources):
                with Image.open(source.path) as image:
                    self.tiles[index] = torch.from_numpy(np.array(square(image, side)))
        else:
            pack = Pack(path)
            self.labels = pack.labels()
            self.key = hashlib.sha256(pack.hashes()).hexdigest()
            self.tiles = torch.from_numpy(np.stack([pack.image(index) for index in range(len(pack))]))

    def __len__(self) -> int:
        return len(self.labels)


@torch.no_grad()
def embedded(encode: Callable[[Tensor], Tensor], tiles: Tensor, resize: int, crop: int, batch: int = 32,
             device: str = "cpu", change: Callable[[Tensor], Tensor] | None = None) -> np.ndarray:
    """(N, D) float32 of all tiles, each resized and cut as the daemon does."""
    rows = []
    for part in tiles.split(batch):
        part = change(part) if change else part
        rows.append(encode(evaluation_input(part, resize, crop).to(device)).float().cpu())
    return torch.cat(rows).numpy()


class Probe:
    """How well a backbone retrieves `queries` from `gallery`: mAP@10 and P@10."""

    def __init__(self, gallery: Labelled, queries: Labelled, device: str, bf16: bool):
        self.gallery, self.queries, self.device, self.bf16 = gallery, queries, device, bf16

    def __call__(self, net: Swin) -> dict[str, float]:
        words = preprocessing(net.architecture)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.bf16):
            gallery, queries = (embedded(net, one.tiles, words["resize"], words["crop"], device=self.device)
                                for one in (self.gallery, self.queries))
        found = scores.values(scores.neighbours(gallery, queries), self.gallery.labels, self.queries.labels)
        return {"map10": float(found["mAP@10"].mean()), "p10": float(found["P@10"].mean())}
