"""The noise, weights and images that the Swift tests make too (Sources/EsViT/NoiseStream.swift, RandomWeights.swift,
`RGB8Image.noise` of Tests/EsViTTests/EncoderFixture.swift): the same bits, so that only answers need to be stored."""
import numpy as np

MASK = (1 << 64) - 1
SUM_DEVIATION = np.sqrt(4.0 * (65536.0 * 65536.0 - 1) / 12)


def bits(name, index):
    """64 bits at each place of the stream `name`: FNV-1a as the seed, SplitMix64's output function as the hash."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) & MASK
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + (np.asarray(index).astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def normal(name, shape, mean, deviation):
    """Nearly normal float32 numbers: the centred sum of four 16-bit parts, scaled once and shifted once."""
    b = bits(name, np.arange(int(np.prod(shape))))
    total = sum((b >> np.uint64(s)) & np.uint64(0xFFFF) for s in (0, 16, 32, 48)).astype(np.int64) - 131070
    return (np.float32(mean) + total.astype(np.float32) * np.float32(deviation / SUM_DEVIATION)).reshape(shape)


VARIANTS = {"t": (96, [2, 2, 6, 2], [3, 6, 12, 24]), "s": (96, [2, 2, 18, 2], [3, 6, 12, 24]),
            "b": (128, [2, 2, 18, 2], [4, 8, 16, 32])}


def shapes(dim, depths, heads, window, side=224):
    """Names and shapes of a backbone's tensors, named as in the original implementation."""
    out = {"patch_embed.proj.weight": (dim, 3, 4, 4), "patch_embed.proj.bias": (dim,),
           "patch_embed.norm.weight": (dim,), "patch_embed.norm.bias": (dim,)}
    for s, depth in enumerate(depths):
        c = dim << s
        table = (2 * min(window, side // 4 >> s) - 1) ** 2
        for b in range(depth):
            p = f"layers.{s}.blocks.{b}."
            out |= {p + "norm1.weight": (c,), p + "norm1.bias": (c,),
                    p + "attn.qkv.weight": (3 * c, c), p + "attn.qkv.bias": (3 * c,),
                    p + "attn.relative_position_bias_table": (table, heads[s]),
                    p + "attn.proj.weight": (c, c), p + "attn.proj.bias": (c,),
                    p + "norm2.weight": (c,), p + "norm2.bias": (c,),
                    p + "mlp.fc1.weight": (4 * c, c), p + "mlp.fc1.bias": (4 * c,),
                    p + "mlp.fc2.weight": (c, 4 * c), p + "mlp.fc2.bias": (c,)}
        if s < len(depths) - 1:
            p = f"layers.{s}.downsample."
            out |= {p + "norm.weight": (4 * c,), p + "norm.bias": (4 * c,), p + "reduction.weight": (2 * c, 4 * c)}
    c = dim << len(depths) - 1
    return out | {"norm.weight": (c,), "norm.bias": (c,)}


def distribution(name, shape):
    """Mean and deviation of a tensor's elements."""
    inputs = np.sqrt(float(np.prod(shape[1:])))
    parts = ".".join(name.split(".")[-2:])
    if name.startswith("patch_embed.proj."):
        return 0, 0.03 / inputs if name.endswith("weight") else 0.01
    fixed = {"qkv.weight": 1.25 / inputs, "attn.relative_position_bias_table": 2.5, "proj.weight": 0.7 / inputs,
             "fc1.weight": 1 / inputs, "fc2.weight": 1 / inputs, "reduction.weight": 1 / inputs,
             "proj.bias": 0.1, "fc2.bias": 0.1, "qkv.bias": 0.25, "fc1.bias": 0.25}
    return (0, fixed[parts]) if parts in fixed else (int(name.endswith("weight")), 0.25)


def weights(dim, depths, heads, window, side=224):
    return {n: normal(n, s, *distribution(n, s)) for n, s in shapes(dim, depths, heads, window, side).items()}


def image(name, width, height):
    """[height, width, 3] uint8: noise in cells of 32, 8 and 1 pixels, so that every scale of a resize shows."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")

    def cells(k):
        return (bits(f"{name}/{k}", ((y >> k) * 4096 + (x >> k)) * 3 + c) & np.uint64(255)).astype(np.int64)

    return ((2 * cells(5) + cells(3) + cells(0)) >> 2).astype(np.uint8)
