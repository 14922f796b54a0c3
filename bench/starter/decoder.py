"""FLUX.2's autoencoder's decoder at the starter's width, for training: the same function as ComfyUI's.

Some of its blocks stay as they begin, passing on what they get; training leaves them out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Conv(nn.Module):
    """A 3x3 convolution whose weights are a matrix, as Muon takes them."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.inner = inner
        self.weight = nn.Parameter(torch.randn(outer, 9 * inner) / (9 * inner) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(outer))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight.view(-1, self.inner, 3, 3), self.bias, padding=1)


class Resnet(nn.Module):
    def __init__(self, inner: int, outer: int, active: bool = True) -> None:
        super().__init__()
        self.active = active
        self.norm1, self.norm2 = nn.GroupNorm(32, inner, eps=1e-6), nn.GroupNorm(32, outer, eps=1e-6)
        self.conv1, self.conv2 = Conv(inner, outer), Conv(outer, outer)
        if inner != outer:
            self.nin_shortcut = nn.Conv2d(inner, outer, 1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        if not self.active:
            return x
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x)


class Middle(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.block_1, self.block_2 = Resnet(width, width), Resnet(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.block_2(self.block_1(x))


class Level(nn.Module):
    def __init__(self, inner: int, outer: int, active: int, upsample: bool = True) -> None:
        super().__init__()
        self.block = nn.ModuleList(Resnet(outer if i else inner, outer, i < active) for i in range(3))
        if upsample:
            self.upsample = nn.Module()
            self.upsample.conv = Conv(outer, outer)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.block:
            x = block(x)
        if hasattr(self, "upsample"):
            x = self.upsample.conv(F.interpolate(x, scale_factor=2, mode="nearest"))
        return x


class Decoder(nn.Module):
    """Latents float [B, 32, h, w] to pixels float [B, 3, 8h, 8w], about -1 to 1."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        wide = 4 * width
        self.conv_in = Conv(32, wide)
        self.mid = Middle(wide)
        self.up = nn.ModuleList(
            [
                Level(2 * width, width, 2, False), Level(wide, 2 * width, 2), Level(wide, wide, 1),
                Level(wide, wide, 1),
            ]
        )  # fmt: skip
        self.norm_out = nn.GroupNorm(32, width, eps=1e-6)
        self.conv_out = Conv(width, 3)
        # What passes straight through starts as a smooth enlargement.
        blur = torch.tensor([0.25, 0.5, 0.25])
        for level in self.up:
            if hasattr(level, "upsample"):
                conv = level.upsample.conv
                with torch.no_grad():
                    conv.weight.mul_(0.3)
                    conv.weight += (torch.eye(conv.inner)[:, :, None, None] * torch.outer(blur, blur)).flatten(1)

    def forward(self, latent: Tensor) -> Tensor:
        x = self.mid(self.conv_in(latent))
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(F.silu(self.norm_out(x)))
