"""What every contestant is given, the same bits as `esvitd bench --rounds` makes (Sources/Operators/Noise.swift)."""
import pathlib
import sys

import numpy as np

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Fixtures"
RESIZE, CROP, DIMENSION, K = 256, 224, 768, 10
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def noise(seed, start, count):
    """Numbers `start` to `start + count` of SplitMix64."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(start + 1, start + count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def images(count, first=0):
    """[count, 3, 224, 224] float32, normalised: the centres of the pictures that esvitd gets in 8 bits."""
    edge = (RESIZE - CROP) // 2
    batch = []
    for seed in range(first, first + count):
        pixels = noise(seed, 0, 3 * RESIZE * RESIZE).astype(np.uint8).reshape(RESIZE, RESIZE, 3)
        pixels = pixels[edge:edge + CROP, edge:edge + CROP]
        batch.append(((pixels / np.float32(255) - MEAN) / STD).transpose(2, 0, 1))
    return np.ascontiguousarray(np.stack(batch), dtype=np.float32)


def vectors(start, count):
    """Vectors `start` to `start + count` of the collection, divided by their lengths: inner products are cosines."""
    values = (noise(1, start * DIMENSION, count * DIMENSION) >> np.uint64(40)).astype(np.float32)
    values = (values * np.float32(2.0**-23) - np.float32(1)).reshape(count, DIMENSION)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def blocks(count, size=20_000):
    """The collection, some thousand vectors at a time."""
    for start in range(0, count, size):
        yield start, vectors(start, min(size, count - start))


def weights():
    """Those of `random:swin-t-w7`."""
    sys.path.insert(0, str(FIXTURES))
    import noise as generator

    dim, depths, heads = generator.VARIANTS["t"]
    return generator.weights(dim, depths, heads, 7)


def jpeg(side, path):
    """A picture about as hard to decode as stained tissue: coloured noise of several sizes, quality 90, 4:2:0."""
    from PIL import Image

    random = np.random.default_rng(side)
    sum_ = np.zeros((side, side, 3), np.float32)
    for grain in (4, 16, 64, 256):
        coarse = random.standard_normal((grain, grain, 3)).astype(np.float32)
        planes = [Image.fromarray(coarse[..., c]).resize((side, side), Image.BICUBIC) for c in range(3)]
        sum_ += np.stack([np.asarray(plane) for plane in planes], -1) * (4 / grain) ** 0.5
    picture = sum_ / sum_.std() * [35, 45, 30] + [200, 150, 190] + random.standard_normal(sum_.shape) * 4
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(path, "JPEG", quality=90, subsampling="4:2:0")
