"""Writes preprocessing.json and shipped.json: what Pillow, torchvision and a NumPy program answer.

    python preprocessing.py [FOLDER of esvit_numpy.py]      (default: ../shared/reference beside the package)

`preprocessing.json`: for generated images of many shapes, the 224-pixel crop that torchvision's Resize (Pillow's
bicubic, antialiased) and CenterCrop make, every fifth pixel of every fifth row, before the mean is subtracted; and the
un-normalised embeddings of these crops by timm's Swin-T with generated weights and by the shipped model.
`shipped.json`: the shipped model's embeddings, by the float64 NumPy forward pass, of the images of parity/.
"""
import base64
import json
import pathlib
import sys

import numpy as np
from PIL import Image
from safetensors.numpy import load_file

import noise
from parity import HERE, MEAN, STD, embed, encoded, timm_model

import PIL
import torchvision
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

PACKAGE = HERE.parent.parent
sys.path.append(sys.argv[1] if len(sys.argv) > 1 else str(PACKAGE.parent / "shared" / "reference"))
import esvit_numpy

MODEL = "Models/swin-c32-w7.safetensors"
# Both sides of 256, odd margins left and right of the crop, and extreme shapes; width and height.
SHAPES = [(256, 256), (224, 224), (300, 260), (293, 256), (640, 480), (481, 643), (100, 80), (37, 500), (1200, 230)]


def shipped(crops):
    x = (np.asarray(crops) / 255.0 - MEAN) / STD
    return esvit_numpy.encode(load_file(PACKAGE / MODEL), x.transpose(0, 3, 1, 2))


def main():
    transform = Compose([Resize(256, InterpolationMode.BICUBIC), CenterCrop(224)])
    crops = [np.asarray(transform(Image.fromarray(noise.image("resize", w, h)))) for w, h in SHAPES]
    shape = (*noise.VARIANTS["t"], 7)
    generated = embed(timm_model(noise.weights(*shape), *shape), crops)
    trained = shipped(crops)
    (HERE / "preprocessing.json").write_text(json.dumps({
        "made_with": f"Pillow {PIL.__version__}, torchvision {torchvision.__version__}", "image": "resize", "step": 5,
        "cases": [{"width": w, "height": h, "pixels": base64.b64encode(c[::5, ::5].tobytes()).decode(),
                   "swin-t-w7": encoded(g), "shipped": encoded(t)}
                  for (w, h), c, g, t in zip(SHAPES, crops, generated, trained)]}, indent=1) + "\n")
    images = ["first", "second"]
    (HERE / "shipped.json").write_text(json.dumps({
        "model": MODEL, "made_with": "esvit_numpy.py, float64", "images": images, "side": 224,
        "embeddings": [encoded(e) for e in shipped([noise.image(n, 224, 224) for n in images])]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
