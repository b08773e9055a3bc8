"""Tiles of tissue: folders of images, and packs, one file each.

A pack is a safetensors file with the tiles as encoded images behind each other (`images`), where each ends (`ends`) and
the SHA-256 of the file it came from (`sha256`), in whose order they are. What a tile was called, and the folder it lay
in, is not in it. A pack made for evaluation has `labels` too, the folders' names; training never opens them.
"""

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialised
from torch import Tensor

from . import files
from .errors import Problem

FORMAT = "esvit-tiles-1"
ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")
Image.MAX_IMAGE_PIXELS = 1 << 28


@dataclass(frozen=True)
class Source:
    """An image file and its label: the folder it lies in, or what an expression finds in its path."""

    path: Path
    label: str


def find(folders: Iterable[Path], label: str | None = None) -> list[Source]:
    """Every image below the folders. The order says nothing: packs are ordered by content.

    `label` is a regular expression on the path, whose first group is the label; files without a match are left out.
    """
    found = []
    for folder in folders:
        if not folder.is_dir():
            raise Problem(f"{folder}: no such folder")
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in ENDINGS and path.is_file():
                match = re.search(label, str(path)) if label else None
                if match or not label:
                    found.append(Source(path, match.group(1) if match else path.parent.name))
    if not found:
        raise Problem(f"no image ({', '.join(ENDINGS)}) in {', '.join(map(str, folders))}")
    return found


def square(image: Image.Image, side: int) -> Image.Image:
    """Upright RGB, the shorter side resized to `side` (bicubic), the centre cut out."""
    image = ImageOps.exif_transpose(image).convert("RGB")
    scale = side / min(image.size)
    if scale != 1:
        image = image.resize([max(side, round(length * scale)) for length in image.size], Image.Resampling.BICUBIC)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def encode(path: Path, side: int, quality: int) -> tuple[bytes, bytes]:
    """A tile's SHA-256 and its image: the file's own bytes where they are a square of `side` and no quality is asked
    for, else PNG, or WebP of that quality."""
    data = path.read_bytes()
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            upright = image.getexif().get(0x0112, 1) == 1
            if quality == 0 and upright and image.size == (side, side) and image.format in ("JPEG", "PNG", "WEBP"):
                return hashlib.sha256(data).digest(), data
            tile = square(image, side)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise Problem(f"{path}: no readable image ({error}); remove it and pack again") from None
    out = io.BytesIO()
    if quality:
        tile.save(out, "WEBP", quality=quality, method=4)
    else:
        tile.save(out, "PNG")
    return hashlib.sha256(data).digest(), out.getvalue()


def pack(sources: list[Source], side: int, quality: int, workers: int,
         progress: Callable[[int, int], None]) -> list[tuple[bytes, bytes, str]]:
    """(SHA-256, image, label) of each source, in the order of the hashes."""
    tiles = []
    with ProcessPoolExecutor(workers) as pool:
        work = pool.map(partial(encode, side=side, quality=quality), [s.path for s in sources], chunksize=16)
        for source, (digest, image) in zip(sources, work, strict=True):
            tiles.append((digest, image, source.label))
            progress(len(tiles), len(sources))
    return sorted(tiles)


def write(tiles: list[tuple[bytes, bytes, str]], path: Path, side: int, labelled: bool) -> None:
    """Writes a pack. The same tiles give the same bytes, whatever their files and folders were called, unless
    `labelled`."""
    if not tiles:
        raise Problem(f"{path}: no tile would be in it")
    arrays = {
        "images": np.frombuffer(b"".join(image for _, image, _ in tiles), np.uint8),
        "ends": np.cumsum([len(image) for _, image, _ in tiles], dtype=np.int64),
        "sha256": np.stack([np.frombuffer(digest, np.uint8) for digest, _, _ in tiles]),
    }
    words = {"format": FORMAT, "side": side}
    if labelled:
        names = sorted({label for _, _, label in tiles})
        arrays["labels"] = np.array([names.index(label) for _, _, label in tiles], np.int64)
        words["labels"] = names
    # One word only: the library keeps several in no fixed order.
    data = serialised(arrays, {"tiles": json.dumps(words, sort_keys=True)})
    files.write(path, lambda file: file.write(data))


class Pack:
    """A pack, open for reading."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self._file = safe_open(path, "np")
            self._words = json.loads((self._file.metadata() or {})["tiles"])
            if self._words["format"] != FORMAT:
                raise KeyError("format")
            self._ends = self._file.get_tensor("ends")
            self._images = self._file.get_slice("images")
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise Problem(f"{path}: no pack of tiles ({error}); 'scripts/train pack' makes one") from None
        self.side: int = self._words["side"]

    def __len__(self) -> int:
        return len(self._ends)

    def hashes(self) -> bytes:
        """The tiles' hashes behind each other: what the pack is, in short."""
        return self._file.get_tensor("sha256").tobytes()

    def image(self, index: int) -> np.ndarray:
        """(side, side, 3) uint8"""
        start = int(self._ends[index - 1]) if index else 0
        with Image.open(io.BytesIO(self._images[start:int(self._ends[index])].tobytes())) as image:
            pixels = np.asarray(image.convert("RGB"))
        if pixels.shape != (self.side, self.side, 3):
            raise Problem(f"{self.path}: tile {index} is {pixels.shape}, not {self.side} x {self.side}")
        return pixels

    def labels(self) -> list[str]:
        """The class of each tile, for evaluation alone."""
        if "labels" not in self._words:
            raise Problem(f"{self.path} has no labels; pack it with --labels to evaluate on it")
        return [self._words["labels"][index] for index in self._file.get_tensor("labels")]


def fingerprint(packs: list[Pack]) -> str:
    digest = hashlib.sha256()
    for one in packs:
        digest.update(one.hashes())
    return digest.hexdigest()


def decoded(packs: list[Pack], cache: Path) -> Tensor:
    """All tiles, (N, side, side, 3) uint8, in the order of their hashes, mapped from `cache`, which is made if absent."""
    sides = {one.side for one in packs}
    if len(sides) > 1:
        raise Problem(f"packs of different sides, {sorted(sides)}: pack them with one --side")
    side = sides.pop()
    places = sorted((one.hashes()[32 * i:32 * i + 32], p, i) for p, one in enumerate(packs) for i in range(len(one)))
    shape = (len(places), side, side, 3)
    if not cache.is_file() or cache.stat().st_size != int(np.prod(shape)):
        with files.replacing(cache) as file:
            for _, p, i in places:
                file.write(packs[p].image(i).tobytes())
    return torch.from_numpy(np.memmap(cache, np.uint8, "c", shape=shape))
