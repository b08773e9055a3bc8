"""Writes checkpoints/: small files as torch.save and the safetensors library write them, and hostile ones.

    python checkpoints.py

All hold the backbone `SMALL` of noise.py's weights: C 8, depths 1 and 2, heads 1 and 2, window 7. `expected.json` holds
fingerprints, worked out here from their definition (Sources/EsViT/Fingerprint.swift) and not by our code.
"""
import argparse
import collections
import hashlib
import io
import json
import os
import pathlib
import pickle
import shutil
import zipfile

import numpy as np
import torch
from safetensors.numpy import save_file

import noise

HERE = pathlib.Path(__file__).parent / "checkpoints"
SMALL = (8, [1, 2], [1, 2], 7)
PREPROCESSING = {"crop": 224, "mean": [0.485, 0.456, 0.406], "resize": 256, "std": [0.229, 0.224, 0.225]}


def fingerprint(weights, preprocessing):
    digest = hashlib.sha256()
    dtype = {"float32": "F32", "float16": "F16"}
    for name in sorted(weights, key=str.encode):
        value = weights[name]
        shape = ",".join(map(str, value.shape))
        digest.update(f"{name} {dtype[str(value.dtype)]} {shape}\n".encode())
        digest.update(value.astype(value.dtype.newbyteorder("<")).tobytes())
    digest.update(json.dumps(preprocessing, sort_keys=True, separators=(",", ":")).encode())
    return digest.hexdigest()


def prefixed(weights, prefix):
    return collections.OrderedDict((prefix + n, torch.from_numpy(v.copy())) for n, v in weights.items())


def original(weights):
    """A checkpoint as EsViT's training loop writes it."""
    student = prefixed(weights, "module.backbone.")
    teacher = prefixed(weights, "backbone.")
    for state in (student, teacher):
        prefix = "module.backbone." if state is student else "backbone."
        state[prefix + "layers.0.blocks.0.attn.relative_position_index"] = torch.arange(49 * 49).reshape(49, 49)
        state[prefix + "head.mlp.0.weight"] = torch.ones(3, 16)
        state[prefix + "head_dense.last_layer.weight_g"] = torch.ones(3, 1)
        state._metadata = collections.OrderedDict({"": {"version": 1}})
    for name in student:  # The student differs, so that taking the wrong one shows.
        if student[name].dtype == torch.float32:
            student[name] = student[name] * 1.5
    linear = torch.nn.Linear(4, 2)
    optimizer = torch.optim.AdamW(linear.parameters())
    linear(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    return {"student": student, "teacher": teacher, "optimizer": optimizer.state_dict(), "epoch": 300,
            "args": argparse.Namespace(arch="swin_tiny", lr=5e-4, output_dir=pathlib.PosixPath("out"), seed=None,
                                       local_crops_scale=(0.05, 0.4), device=torch.device("cpu"), use_fp16=True),
            "best": np.float64(0.75), "count": np.int64(7), "curve": np.arange(3, dtype=np.float32),
            "big": 1 << 80, "fp16_scaler": None, "dtype": torch.float16,
            "ddino_loss": collections.OrderedDict(center=torch.zeros(1, 5), center_grid=torch.zeros(1, 5))}


class Command:
    def __reduce__(self):
        return os.system, ("touch was-run",)


def replace_pickle(source, target, data):
    """A copy of a zip-form checkpoint with another data.pkl."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, data if entry.filename.endswith("data.pkl") else old.read(entry))


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    weights = noise.weights(*SMALL)
    torch.manual_seed(0)
    checkpoint = original(weights)
    torch.save(checkpoint, HERE / "original.pth")
    torch.save(checkpoint, HERE / "protocol4.pth", pickle_protocol=4)
    torch.save({k: checkpoint[k] for k in ("student", "epoch")}, HERE / "student.pth")
    # A plain state dictionary of parameters, some in other memory orders, as `model.state_dict(keep_vars=True)`.
    strided = {}
    for i, (name, value) in enumerate(prefixed(weights, "").items()):
        if i % 3 == 0 and value.dim() == 2:
            value = value.t().contiguous().t()
        if i % 3 == 1:
            value = torch.cat([torch.zeros_like(value), value])[len(value):]  # an offset into its storage
        strided[name] = torch.nn.Parameter(value)
    torch.save(strided, HERE / "parameters.pth")
    # timm keeps downsample at the start of the next stage.
    torch.save({"state_dict": collections.OrderedDict(
        (n.replace("layers.0.downsample", "layers.1.downsample"), torch.from_numpy(v)) for n, v in weights.items()
    ) | {"head.fc.weight": torch.ones(2, 16)}}, HERE / "timm.pth")
    save_file(weights, HERE / "library.safetensors")
    halves = {n: v.astype(np.float16) for n, v in weights.items()}
    save_file(halves, HERE / "half.safetensors")
    # Since 1.6 the zip form is usual; the form before it is a row of pickles.
    torch.save(checkpoint, HERE / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(strided, HERE / "legacy-parameters.pth", _use_new_zipfile_serialization=False)
    replace_pickle(HERE / "student.pth", HERE / "malicious.pth", pickle.dumps({"teacher": Command()}, 2))
    legacy = (HERE / "legacy.pth").read_bytes()
    place = io.BytesIO(legacy)
    for _ in range(3):
        pickle.load(place)
    (HERE / "malicious-legacy.pth").write_bytes(legacy[:place.tell()] + pickle.dumps({"teacher": Command()}, 2))
    replace_pickle(HERE / "student.pth", HERE / "malicious4.pth", pickle.dumps([1, Command()], 4))
    (HERE / "expected.json").write_text(json.dumps({
        "f32": fingerprint(weights, PREPROCESSING), "f16": fingerprint(halves, PREPROCESSING),
        "student": fingerprint({n: v * np.float32(1.5) for n, v in weights.items()}, PREPROCESSING),
        "made_with": f"torch {torch.__version__}, numpy {np.__version__}"}, indent=1) + "\n")


if __name__ == "__main__":
    main()
