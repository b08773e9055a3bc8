"""Writes encoder.json: what the NumPy specification of the forward pass (float64) answers for generated weights and
images at sides where maps are padded, halves are odd and windows cover the map only at the trained side.

    python encoder.py PATH/esvit_numpy.py          (numpy, scipy)
"""
import base64
import importlib.util
import json
import pathlib
import sys

import numpy as np

import noise

HERE = pathlib.Path(__file__).parent
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
# Width, depths, heads, window, side.
CASES = [
    (32, [2, 2, 2, 2], [1, 2, 4, 8], 7, 224),
    (32, [2, 2, 2, 2], [1, 2, 4, 8], 14, 224),
    (32, [2, 2, 2, 2], [1, 2, 4, 8], 7, 96),
    (32, [2, 2, 2, 2], [1, 2, 4, 8], 14, 100),
    (24, [2, 2, 2], [3, 2, 3], 5, 132),
]


def main():
    spec = importlib.util.spec_from_file_location("esvit_numpy", sys.argv[1])
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    cases = []
    for dim, depths, heads, window, side in CASES:
        weights = noise.weights(dim, depths, heads, window)
        pixels = noise.image(f"side {side}", side, side)
        x = ((pixels / 255.0 - MEAN) / STD).transpose(2, 0, 1)[None]
        answer = reference.encode(weights, x)[0]
        cases.append({"dim": dim, "depths": depths, "heads": heads, "window": window, "side": side,
                      "image": f"side {side}", "embedding": base64.b64encode(answer.astype("<f4").tobytes()).decode()})
        print(dim, window, side, np.abs(answer).max())
    (HERE / "encoder.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
