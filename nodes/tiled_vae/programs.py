"""Core's autoencoders as stages: Stable Diffusion's and FLUX's (KL, with 4, 16 or 32 channels), and Wan's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from comfy.ldm.modules.diffusionmodules import model as kl
from comfy.ldm.wan import vae as wan

from .stages import Attention, Convolution, Residual, Stage
from .tensors import Local, Moments, Scale, affine


def stages_of(part: Any) -> list[Stage] | None:
    """The stages of an encoder or decoder of core's; None where it is of a kind that is not known here."""
    if type(part) is kl.Decoder and _plain(part, part.up):
        return list(_kl_decoder(part))
    if type(part) is kl.Encoder and _plain(part, part.down):
        return list(_kl_encoder(part))
    if type(part) is wan.Decoder3d and not part.attn_scales:
        return list(_wan(part.conv1, part.middle, part.upsamples, part.head))
    if type(part) is wan.Encoder3d and not part.attn_scales:
        return list(_wan(part.conv1, part.middle, part.downsamples, part.head, first=part.downsamples))
    return None


def _plain(part: Any, levels: Any) -> bool:
    """Whether it has layers for pictures alone, and attention in the middle alone."""
    flat = isinstance(part.conv_in, torch.nn.Conv2d) and not getattr(part, "tanh_out", False)
    return flat and not any(len(level.attn) for level in levels)


def _kl_decoder(decoder: Any) -> Iterator[Stage]:
    yield Convolution(Local(decoder.conv_in, decoder.conv_in.out_channels, 1))
    yield from _kl_middle(decoder.mid)
    before = None
    for number in reversed(range(decoder.num_resolutions)):
        level = decoder.up[number]
        for block in level.block:
            yield Residual(block, before)
            before = None
        if number:
            before = Local(level.upsample, level.block[-1].out_channels, 1, Scale.UP)
    yield Convolution(Local(decoder.conv_out, decoder.conv_out.out_channels, 1), decoder.norm_out)


def _kl_encoder(encoder: Any) -> Iterator[Stage]:
    before: Local | None = Local(encoder.conv_in, encoder.conv_in.out_channels, 1)
    for number, level in enumerate(encoder.down):
        for block in level.block:
            yield Residual(block, before)
            before = None
        if number < encoder.num_resolutions - 1:
            yield Convolution(Local(level.downsample, level.block[-1].out_channels, 0, Scale.DOWN))
    yield from _kl_middle(encoder.mid)
    yield Convolution(Local(encoder.conv_out, encoder.conv_out.out_channels, 1), encoder.norm_out)


def _kl_middle(middle: Any) -> Iterator[Stage]:
    attention = middle.attn_1

    def normalize(x: Any, moments: Moments | None) -> Any:
        assert moments is not None
        factor, summand = affine(attention.norm, moments)
        return torch.addcmul(summand, x, factor).to(x.dtype)

    yield Residual(middle.block_1)
    yield Attention(
        normalize, attention.q, lambda x: (attention.k(x), attention.v(x)), attention.proj_out, attention.norm
    )
    yield Residual(middle.block_2)


def _wan(conv: Any, middle: Any, levels: Any, head: Any, first: Any = None) -> Iterator[Stage]:
    """Wan's norms look at one position alone, so that only attention needs the whole picture.

    Args:
        first: the levels, where they come before the middle, as in the encoder.
    """
    yield Convolution(Local(_still(conv), conv.out_channels, 1))
    order = (levels, middle) if first is not None else (middle, levels)
    for layers in order:
        pending: list[Any] = []
        for layer in layers:
            if isinstance(layer, wan.AttentionBlock):
                yield _wan_attention(layer)
            elif isinstance(layer, wan.Resample) and layer.mode.startswith("down"):
                yield Convolution(Local(_still(layer), layer.dim, 0, Scale.DOWN))
            elif isinstance(layer, wan.Resample):
                pending = [layer]  # with the block that follows, which has half of the channels or fewer to keep
            else:
                run = _still(*pending, layer)
                radius, scale = (3, Scale.UP) if pending else (2, Scale.SAME)
                yield Convolution(Local(run, layer.out_dim, radius, scale))
                pending = []
    yield Convolution(Local(_still(*head), head[-1].out_channels, 1))


def _wan_attention(block: Any) -> Attention:
    return Attention(
        lambda x, _: block.norm(x),
        lambda x: block.to_qkv(x)[:, : block.dim],
        lambda x: block.to_qkv(x)[:, block.dim :].chunk(2, dim=1),
        block.proj,
    )


def _still(*layers: Any) -> Callable[[Any], Any]:
    """Layers for videos, over one picture."""

    def run(x: Any) -> Any:
        x = x.unsqueeze(2)
        for layer in layers:
            x = layer(x)
        return x.squeeze(2)

    return run
