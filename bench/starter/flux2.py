"""FLUX.2's transformer at the starter's size, written for training: the same function as ComfyUI's, out of place.

ComfyUI hands the model 512 text tokens, all but the last 77 of them zero and of those most again. Zeros differ only in
their position. Training replaces them by a few at random positions, each of which counts for many in the attention.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TEXT, PROMPT = 512, 77  # text tokens that the model sees, and how many of them come from CLIP
HEAD, THETA = 128, 2000


class Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.norm = QKNorm()
        self.proj = nn.Linear(width, width, bias=False)


class QKNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query_norm = nn.RMSNorm(HEAD, eps=1e-6)
        self.key_norm = nn.RMSNorm(HEAD, eps=1e-6)

    def forward(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        batch, length, width = qkv.shape
        q, k, v = qkv.view(batch, length, 3, width // 3 // HEAD, HEAD).permute(2, 0, 3, 1, 4)
        return rms(q, self.query_norm.weight), rms(k, self.key_norm.weight), v


def mlp(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 6 * width, bias=False), Gate(), nn.Linear(3 * width, width, bias=False))


class Gate(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        gate, value = x.chunk(2, -1)
        return F.silu(gate) * value


class Double(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.img_attn, self.txt_attn = Attention(width), Attention(width)
        self.img_mlp, self.txt_mlp = mlp(width), mlp(width)

    def forward(
        self, img: Tensor, txt: Tensor, mods: tuple[list[Tensor], list[Tensor]], pe: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor]:
        i, t = mods
        parts = [
            own.norm(own.qkv(modulate(x, m[0], m[1])))
            for own, x, m in ((self.txt_attn, txt, t), (self.img_attn, img, i))
        ]
        q, k, v = (torch.cat([a, b], 2) for a, b in zip(*parts, strict=True))
        out = attend(q, k, v, pe, bias)
        length = txt.shape[1]
        img = img + i[2] * self.img_attn.proj(out[:, length:])
        txt = txt + t[2] * self.txt_attn.proj(out[:, :length])
        img = img + i[5] * self.img_mlp(modulate(img, i[3], i[4]))
        txt = txt + t[5] * self.txt_mlp(modulate(txt, t[3], t[4]))
        return img, txt


class Single(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.linear1 = nn.Linear(width, 9 * width, bias=False)
        self.linear2 = nn.Linear(4 * width, width, bias=False)
        self.norm = QKNorm()

    def forward(self, x: Tensor, mod: list[Tensor], pe: Tensor, bias: Tensor) -> Tensor:
        qkv, inner = self.linear1(modulate(x, mod[0], mod[1])).split([3 * self.width, 6 * self.width], -1)
        q, k, v = self.norm(qkv)
        out = attend(q, k, v, pe, bias)
        gate, value = inner.chunk(2, -1)
        return x + mod[2] * self.linear2(torch.cat([out, F.silu(gate) * value], -1))


class Embedder(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_layer = nn.Linear(256, width, bias=False)
        self.out_layer = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.out_layer(F.silu(self.in_layer(x)))


class Modulation(nn.Module):
    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.lin = nn.Linear(width, count * width, bias=False)

    def forward(self, vec: Tensor) -> list[Tensor]:
        return list(self.lin(F.silu(vec))[:, None].chunk(self.count, -1))


class Last(nn.Module):
    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, channels, bias=False)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width, bias=False))

    def forward(self, x: Tensor, vec: Tensor) -> Tensor:
        shift, scale = self.adaLN_modulation(vec)[:, None].chunk(2, -1)
        return self.linear(modulate(x, shift, scale))


class Flux2(nn.Module):
    def __init__(self, width: int = 256, double: int = 2, single: int = 4, context: int = 768) -> None:
        super().__init__()
        self.img_in = nn.Linear(128, width, bias=False)
        self.time_in = Embedder(width)
        self.txt_in = nn.Linear(context, width, bias=False)
        self.double_blocks = nn.ModuleList(Double(width) for _ in range(double))
        self.single_blocks = nn.ModuleList(Single(width) for _ in range(single))
        self.final_layer = Last(width, 128)
        self.double_stream_modulation_img = Modulation(width, 6)
        self.double_stream_modulation_txt = Modulation(width, 6)
        self.single_stream_modulation = Modulation(width, 3)
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                if "modulation" in name.lower() or name == "final_layer.linear":
                    nn.init.zeros_(module.weight)
                else:
                    nn.init.normal_(module.weight, std=1 / math.sqrt(module.in_features))

    def forward(self, latent: Tensor, time: Tensor, text: Tensor, places: Tensor, counts: Tensor) -> Tensor:
        """Velocity of a latent [B, 128, h, w] at noise levels [B].

        ``text``: [B, T, 768] embeddings; ``places``: [T] their positions; ``counts``: [T] how often each counts.
        """
        batch, channels, height, width = latent.shape
        img = self.img_in(latent.flatten(2).transpose(1, 2))
        vec = self.time_in(embed(time).to(img.dtype))
        txt = self.txt_in(text)
        pe = rotations(places, height, width)
        bias = torch.cat([counts.log(), torch.zeros(height * width)])[None, None, None]
        mods = self.double_stream_modulation_img(vec), self.double_stream_modulation_txt(vec)
        for block in self.double_blocks:
            img, txt = block(img, txt, mods, pe, bias)
        x = torch.cat([txt, img], 1)
        mod = self.single_stream_modulation(vec)
        for block in self.single_blocks:
            x = block(x, mod, pe, bias)
        out = self.final_layer(x[:, txt.shape[1] :], vec)
        return out.transpose(1, 2).reshape(batch, channels, height, width)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


def rms(x: Tensor, weight: Tensor) -> Tensor:
    return F.rms_norm(x, (HEAD,), weight.to(x.dtype), 1e-6)


def embed(time: Tensor) -> Tensor:
    frequencies = torch.exp(-math.log(10000) * torch.arange(128) / 128)
    angles = 1000 * time[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], -1)


def rotations(places: Tensor, height: int, width: int) -> Tensor:
    """Cosines and sines, [2, tokens, 64], of the tokens' four positions."""
    ids = torch.zeros(len(places) + height * width, 4, dtype=torch.float64)
    ids[: len(places), 3] = places.double()
    grid = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"), -1)
    ids[len(places) :, 1:3] = grid.reshape(-1, 2).double()
    omega = THETA ** -(torch.arange(0, 32, 2, dtype=torch.float64) / 32)
    angles = (ids[:, :, None] * omega).reshape(len(ids), 64)
    return torch.stack([angles.cos(), angles.sin()]).float()


def rotate(x: Tensor, pe: Tensor) -> Tensor:
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = pe.to(x.dtype)
    return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)


def attend(q: Tensor, k: Tensor, v: Tensor, pe: Tensor, bias: Tensor) -> Tensor:
    q, k = rotate(q, pe), rotate(k, pe)
    v = v.to(q.dtype)
    mask = bias.to(q.dtype).expand(q.shape[0], 1, q.shape[2], -1)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return out.transpose(1, 2).flatten(2)
