"""Writes parity/MODEL.json: what timm's Swin, in float64 and with eps 1e-6, answers for generated weights and images.

    python parity.py [swin-t-w7 ...]        (requirements.txt; without torch's GPU libraries: see README.md)

The embedding is the un-normalised mean of the 49 tokens. `faults` holds what a faulty implementation would answer for
the first image: the Swift tests check that each is farther away than the tolerance, so that none could pass unseen.
`entropy` is the mean softmax entropy over the uniform's.
"""
import base64
import json
import math
import pathlib
import sys
from functools import partial

import numpy as np
import torch

try:  # A GPU build of torchvision beside a CPU build of torch lacks these operators; nothing here uses them.
    for operator in ("nms", "qnms"):
        torch.library.define(f"torchvision::{operator}", "(Tensor a, Tensor b, float c) -> Tensor")
except RuntimeError:
    pass
import timm
from timm.models.swin_transformer import SwinTransformer

import noise

HERE = pathlib.Path(__file__).parent
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def timm_model(weights, dim, depths, heads, window, eps=1e-6):
    model = SwinTransformer(img_size=224, patch_size=4, window_size=window, embed_dim=dim, depths=depths,
                            num_heads=heads, num_classes=0, norm_layer=partial(torch.nn.LayerNorm, eps=eps))
    state = {}
    for name, value in weights.items():
        if ".downsample." in name:  # timm keeps it at the start of the next stage
            stage = int(name.split(".")[1])
            name = name.replace(f"layers.{stage}.", f"layers.{stage + 1}.", 1)
        state[name] = torch.from_numpy(np.asarray(value))
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all("relative_position_index" in m or "attn_mask" in m for m in missing), missing
    return model.double().eval()


def embed(model, pixels):
    """pixels [B, H, W, 3] uint8 -> [B, 8C] float64"""
    x = (np.asarray(pixels) / 255.0 - MEAN) / STD
    with torch.no_grad():
        return model(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()


def entropies(model, pixels):
    """Mean entropy of all attention rows, over the entropy of a uniform row."""
    seen = []
    for module in model.modules():
        if hasattr(module, "relative_position_bias_table"):
            module.fused_attn = False
            module.softmax.register_forward_hook(lambda m, i, p: seen.append(
                float(torch.special.entr(p).sum(-1).mean()) / math.log(p.shape[-1])))
    embed(model, pixels)
    return seen


def faulty(fault, weights, shape):
    weights = dict(weights)
    if fault == "merge order":
        for name, value in weights.items():
            if ".downsample." in name:
                a, b, c, d = np.split(value, 4, -1)
                weights[name] = np.concatenate([a, c, b, d], -1)
    model = timm_model(weights, *shape, eps=1e-5 if fault == "eps 1e-5" else 1e-6)
    for module in model.modules():
        if fault == "bias table transposed" and hasattr(module, "relative_position_index"):
            module.relative_position_index = module.relative_position_index.T.contiguous()
        if fault == "shift sign" and hasattr(module, "shift_size"):
            module.shift_size = tuple(-s for s in module.shift_size)
    return model


def encoded(vector):
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()


def main():
    names = sys.argv[1:] or [f"swin-{v}-w{w}" for w in (7, 14) for v in "tsb"]
    (HERE / "parity").mkdir(exist_ok=True)
    for name in names:
        _, letter, window = name.split("-")
        shape = (*noise.VARIANTS[letter], int(window[1:]))
        weights = noise.weights(*shape)
        images = [noise.image(n, 224, 224) for n in ("first", "second")]
        model = timm_model(weights, *shape)
        answers = embed(model, images)
        result = {"model": f"random:{name}", "made_with": f"timm {timm.__version__}, torch {torch.__version__}, float64",
                  "images": ["first", "second"], "side": 224, "embeddings": [encoded(a) for a in answers]}
        if name == "swin-t-w7":
            result["faults"] = {}
            for fault in ("bias table transposed", "shift sign", "merge order", "eps 1e-5"):
                answer = embed(faulty(fault, weights, shape), images[:1])[0]
                result["faults"][fault] = encoded(answer)
                print(fault, np.abs(answer - answers[0]).max() / np.abs(answers[0]).max())
        entropy = entropies(model, images[:1])
        result["entropy"] = round(float(np.mean(entropy)), 4)
        print(name, np.abs(answers).max(), "entropy", result["entropy"], np.round(entropy, 2))
        (HERE / "parity" / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
