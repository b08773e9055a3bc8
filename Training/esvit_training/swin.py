"""EsViT's Swin backbone (arXiv 2106.09785; Swin Transformer, arXiv 2103.14030), as esvitd computes it.

Patch 4, MLP ratio 4, QKV bias, LayerNorm eps 1e-6. Parameters are named as in an original checkpoint. The trained side
decides a stage's window and whether its blocks shift; a map whose side is no multiple of the window is padded with zeros
after the first norm, and an odd one before merging, so that any input side works.
"""

import functools
import json
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .errors import Problem

EPS = 1e-6
PATCH = 4
HEAD_WIDTH = 32


@dataclass(frozen=True)
class Architecture:
    """The shape of a backbone: what esvitd's header calls `architecture`."""

    embed_dimension: int
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    window: int = 7
    trained_side: int = 224

    @staticmethod
    def of_width(width: int, depths: tuple[int, ...] = (2, 2, 6, 2), window: int = 7, side: int = 224) -> "Architecture":
        """Heads are 32 wide, as in the paper's Swin-T (width 96)."""
        if width <= 0 or width % HEAD_WIDTH:
            raise Problem(f"width {width}: heads are {HEAD_WIDTH} wide, so it must be a multiple of {HEAD_WIDTH}")
        heads = tuple((width << stage) // HEAD_WIDTH for stage in range(len(depths)))
        return Architecture(width, depths, heads, window, side)

    @property
    def dimension(self) -> int:
        """Length of the embedding: the channels of the last stage."""
        return self.embed_dimension << (len(self.depths) - 1)

    def map_side(self, stage: int) -> int:
        return (self.trained_side // PATCH) >> stage

    def stage_window(self, stage: int) -> int:
        return min(self.window, self.map_side(stage))

    def shifts(self, stage: int) -> bool:
        """Whether every second block of the stage shifts: not where the window is the whole map."""
        return self.map_side(stage) > self.window

    def json(self) -> str:
        """The text that a model file's header holds, character for character as esvitd writes it."""
        words = {"depths": self.depths, "embed_dimension": self.embed_dimension, "heads": self.heads,
                 "patch_size": PATCH, "trained_side": self.trained_side, "window": self.window}
        return json.dumps(words, separators=(",", ":"), sort_keys=True)


@functools.cache
def relative_index(window: int) -> Tensor:
    """(w², w²): which row of the bias table each pair of a window's tokens takes."""
    row, column = torch.arange(window * window).div(window, rounding_mode="floor"), torch.arange(window * window) % window
    return (row[:, None] - row + window - 1) * (2 * window - 1) + column[:, None] - column + window - 1


@functools.cache
def shift_mask(side: int, window: int) -> Tensor:
    """(windows, 1, w², w²): -100 between tokens that were no neighbours before the cyclic shift by half a window."""
    band = torch.bucketize(torch.arange(side), torch.tensor([side - window, side - window // 2]), right=True)
    region = band[:, None] * 3 + band
    n = side // window
    region = region.view(n, window, n, window).transpose(1, 2).reshape(n * n, -1)
    return torch.where(region[:, :, None] == region[:, None], 0.0, -100.0)[:, None]


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, window: int):
        super().__init__()
        self.heads = heads
        self.window = window
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def forward(self, x: Tensor, shift: int) -> Tensor:
        """x (B, H, W, C), H = W; attention in each window, after a cyclic shift."""
        batch, side, _, width = x.shape
        w, tokens, head = self.window, self.window**2, width // self.heads
        pad = -side % w
        if pad:
            x = F.pad(x, (0, 0, 0, pad, 0, pad))
        if shift:
            x = torch.roll(x, (-shift, -shift), (1, 2))
        n = (side + pad) // w
        x = x.view(batch, n, w, n, w, width)
        parts = self.qkv(x).view(batch, n, w, n, w, 3, self.heads, head)
        q, k, v = parts.permute(5, 0, 1, 3, 6, 2, 4, 7).reshape(3, batch * n * n, self.heads, tokens, head)
        index = relative_index(w).to(x.device).flatten()
        bias = self.relative_position_bias_table[index].view(tokens, tokens, self.heads).permute(2, 0, 1)
        if shift:
            bias = bias + shift_mask(side + pad, w).to(x.device)
        scores = ((q * head**-0.5) @ k.transpose(-2, -1)).view(batch, n * n, self.heads, tokens, tokens) + bias
        weights = torch.softmax(scores, dim=-1).to(v.dtype).flatten(0, 1)
        x = (weights @ v).view(batch, n, n, self.heads, w, w, head).permute(0, 1, 4, 2, 5, 3, 6)
        x = self.proj(x.reshape(batch, side + pad, side + pad, width))
        if shift:
            x = torch.roll(x, (shift, shift), (1, 2))
        return x[:, :side, :side]


class Mlp(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, width: int, heads: int, window: int, shift: int):
        super().__init__()
        self.shift = shift
        self.norm1 = nn.LayerNorm(width, eps=EPS)
        self.attn = Attention(width, heads, window)
        self.norm2 = nn.LayerNorm(width, eps=EPS)
        self.mlp = Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x), self.shift)
        return x + self.mlp(self.norm2(x))


class Merging(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(4 * width, eps=EPS)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] % 2:
            x = F.pad(x, (0, 0, 0, 1, 0, 1))
        x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1)
        return self.reduction(self.norm(x))


class Stage(nn.Module):
    def __init__(self, architecture: Architecture, stage: int):
        super().__init__()
        width, window = architecture.embed_dimension << stage, architecture.stage_window(stage)
        self.blocks = nn.ModuleList(
            Block(width, architecture.heads[stage], window, window // 2 if block % 2 and architecture.shifts(stage) else 0)
            for block in range(architecture.depths[stage]))
        self.downsample = Merging(width) if stage < len(architecture.depths) - 1 else None


class PatchEmbedding(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, PATCH)
        self.norm = nn.LayerNorm(width, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) to (B, S/4, S/4, C); the convolution as one matrix product, which is faster on a CPU."""
        batch, _, height, width = x.shape
        x = x.view(batch, 3, height // PATCH, PATCH, width // PATCH, PATCH).permute(0, 2, 4, 1, 3, 5).flatten(3)
        return self.norm(F.linear(x, self.proj.weight.flatten(1), self.proj.bias))


class Swin(nn.Module):
    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        self.patch_embed = PatchEmbedding(architecture.embed_dimension)
        self.layers = nn.ModuleList(Stage(architecture, stage) for stage in range(len(architecture.depths)))
        self.norm = nn.LayerNorm(architecture.dimension, eps=EPS)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def regions(self, x: Tensor) -> Tensor:
        """(B, 3, S, S), normalised, to the last stage's tokens (B, T, D). Their mean is the embedding."""
        x = self.patch_embed(x)
        for stage in self.layers:
            for block in stage.blocks:
                x = block(x)
            if stage.downsample is not None:
                x = stage.downsample(x)
        return self.norm(x).flatten(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.regions(x).mean(1)


def architecture_of(state: dict[str, Tensor], trained_side: int = 224) -> Architecture:
    """The architecture that the shapes of a backbone's tensors say."""
    depths: dict[int, int] = {}
    heads: dict[int, int] = {}
    window = 1
    for name, value in state.items():
        parts = name.split(".")
        if name.startswith("layers.") and name.endswith("relative_position_bias_table"):
            stage, block = int(parts[1]), int(parts[3])
            depths[stage] = max(depths.get(stage, 0), block + 1)
            heads[stage] = value.shape[1]
            window = max(window, (math.isqrt(value.shape[0]) + 1) // 2)
    if "patch_embed.proj.weight" not in state or sorted(depths) != list(range(len(depths))) or not depths:
        raise Problem("these are no weights of an EsViT Swin: patch_embed.proj or the attention of a stage is missing")
    stages = range(len(depths))
    return Architecture(state["patch_embed.proj.weight"].shape[0], tuple(depths[s] for s in stages),
                        tuple(heads[s] for s in stages), window, trained_side)


def from_state(state: dict[str, Tensor], trained_side: int = 224) -> Swin:
    net = Swin(architecture_of(state, trained_side))
    try:
        net.load_state_dict({name: value.float() for name, value in state.items()})
    except RuntimeError as error:
        raise Problem(f"the weights do not fit their own architecture: {error}") from None
    return net
