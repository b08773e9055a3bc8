"""Reading and writing weights: our safetensors with the header that esvitd follows, and original EsViT checkpoints."""

import argparse
import json
import pathlib
import pickle
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from . import files
from .errors import Problem
from .swin import Architecture, Swin, from_state

PREPROCESSING = {"crop": 224, "mean": [0.485, 0.456, 0.406], "resize": 256, "std": [0.229, 0.224, 0.225]}
# Of an original checkpoint: buffers that the architecture gives, and heads that retrieval does not use.
NOT_BACKBONE = ("relative_position_index", "attn_mask", "head.", "head_dense.")
# Beside tensors: what the arguments and the state that EsViT keeps in a checkpoint are made of.
PLAIN = [argparse.Namespace, pathlib.PosixPath, np.ndarray, np.dtype, np._core.multiarray.scalar,
         np._core.multiarray._reconstruct, *(type(np.dtype(kind)) for kind in "?bBhHiIlLefd")]


def load(path: Path) -> tuple[Swin, dict[str, str]]:
    """A backbone and its header's words, from safetensors or from an original `.pth` (whose teacher is taken)."""
    if not path.is_file():
        raise Problem(f"{path}: no such file")
    with open(path, "rb") as file:
        start = file.read(9)
    if start[8:9] == b"{":
        return _load_safetensors(path)
    try:  # Tensors and plain values only: nothing in the file is run.
        with torch.serialization.safe_globals(PLAIN):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = str(error).splitlines()[0]
        raise Problem(f"{path}: neither safetensors nor a PyTorch checkpoint of tensors alone ({reason}); "
                      "'esvitd convert' may read it") from None
    return from_state(_backbone(content)), {}


def _load_safetensors(path: Path) -> tuple[Swin, dict[str, str]]:
    with safe_open(path, "pt") as file:
        words = file.metadata() or {}
        state = {name: file.get_tensor(name) for name in file.keys()}
    try:
        side = json.loads(words["architecture"])["trained_side"] if "architecture" in words else 224
    except (ValueError, KeyError, TypeError):
        raise Problem(f"{path}: the header's architecture '{words['architecture']}' does not describe one") from None
    return from_state(state, side), words


def _backbone(content: object) -> dict[str, Tensor]:
    for key in ("teacher", "student", "model", "state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict):
        raise Problem("the checkpoint holds no dictionary of tensors")
    state = {}
    for name, value in content.items():
        for prefix in ("module.", "backbone."):
            name = name.removeprefix(prefix)
        if isinstance(value, Tensor) and not any(part in name for part in NOT_BACKBONE):
            state[name] = value
    return state


def save(net: Swin, path: Path, words: dict[str, str], dtype: np.dtype = np.dtype("<f2")) -> None:
    """Writes the backbone as esvitd itself would: the same weights and words give the same bytes.

    Raises Problem where a weight is not finite in `dtype`.
    """
    with np.errstate(over="ignore"):  # told below, by name
        arrays = {name: value.detach().float().cpu().numpy().astype(dtype) for name, value in net.state_dict().items()}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise Problem(f"{name} has values that are not finite as {dtype.name}: the training has diverged")
    words = words | {"architecture": net.architecture.json(),
                     "preprocessing": json.dumps(preprocessing(net.architecture), separators=(",", ":"), sort_keys=True)}
    header: dict[str, object] = {"__metadata__": dict(sorted(words.items()))}
    offset = 0
    kind = {"float16": "F16", "float32": "F32"}[dtype.name]
    for name in sorted(arrays):
        end = offset + arrays[name].nbytes
        header[name] = {"dtype": kind, "shape": list(arrays[name].shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with files.replacing(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in sorted(arrays):
            file.write(arrays[name].tobytes())


def preprocessing(architecture: Architecture) -> dict[str, object]:
    """256 and 224 at the usual side, in the same ratio at any other."""
    side = architecture.trained_side
    return PREPROCESSING | {"crop": side, "resize": (side * 256 + 112) // 224}
