#!/usr/bin/env python3
"""Cuts the tiles beside it: pip install pillow scikit-image; python cut_tiles.py

A tile's folder says how much of its area is brown, by a rule on pixels: no pathologist named these classes.
"""
import hashlib
import pathlib

import numpy
import skimage
from PIL import Image

SOURCE = pathlib.Path(skimage.__file__).parent / "data" / "ihc.png"
SHA256 = "f8dd1aa387ddd1f49d8ad13b50921b237df8e9b262606d258770687b0ef93cef"
SIDE, STRIDE = 96, 52


def label(tile):
    """How much of the tile is brown, the colour of DAB, which marks where the antibody bound."""
    red, _, blue = numpy.moveaxis(tile.astype(int), -1, 0)
    share = (red - blue > 25).mean()
    return "brown" if share > 0.65 else "hardly-brown" if share < 0.25 else "partly-brown"


here = pathlib.Path(__file__).parent
assert hashlib.sha256(SOURCE.read_bytes()).hexdigest() == SHA256, "another edition of the picture"
picture = numpy.asarray(Image.open(SOURCE).convert("RGB"))
counts = {}
for row, y in enumerate(range(0, picture.shape[0] - SIDE + 1, STRIDE)):
    for column, x in enumerate(range(0, picture.shape[1] - SIDE + 1, STRIDE)):
        tile = picture[y:y + SIDE, x:x + SIDE]
        folder = here / label(tile)
        folder.mkdir(exist_ok=True)
        Image.fromarray(tile).save(folder / f"row{row}-column{column}.jpg", quality=90, subsampling=0)
        counts[folder.name] = counts.get(folder.name, 0) + 1
print(counts)
