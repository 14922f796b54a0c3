"""Files of weights for the detector, by the shapes in their headers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from packshot.models.detect.detect import Detection, detect
from support.weights import write_safetensors

Shapes = Mapping[str, tuple[int, ...]]


def detected(tmp_path: Path, shapes: Mapping[str, tuple[int, ...]], **options: object) -> Detection:
    return detect(write_safetensors(tmp_path / "file.safetensors", shapes, **options))  # type: ignore[arg-type]


def clip(width: int, layers: int) -> dict[str, tuple[int, ...]]:
    one = {
        "mlp.fc1.weight": (width * 4, width), "mlp.fc2.weight": (width, width * 4), "layer_norm1.weight": (width,),
        "self_attn.q_proj.weight": (width, width),
    }  # fmt: skip
    named = {f"text_model.encoder.layers.{i}.{name}": shape for i in range(layers) for name, shape in one.items()}
    return {**named, "text_model.embeddings.token_embedding.weight": (49408, width)}


def open_clip(width: int, layers: int) -> dict[str, tuple[int, ...]]:
    one = {"mlp.c_fc.weight": (width * 4, width), "attn.in_proj_weight": (width * 3, width), "ln_1.weight": (width,)}
    named = {f"transformer.resblocks.{i}.{name}": shape for i in range(layers) for name, shape in one.items()}
    return {**named, "token_embedding.weight": (49408, width)}


def t5(width: int, inner: int, layers: int) -> dict[str, tuple[int, ...]]:
    one = {
        "layer.0.SelfAttention.k.weight": (inner, width), "layer.1.DenseReluDense.wi_1.weight": (10240, width),
        "layer.0.layer_norm.weight": (width,),
    }  # fmt: skip
    return {f"encoder.block.{i}.{name}": shape for i in range(layers) for name, shape in one.items()}


def image_vae(channels: int, **extra: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {
        "decoder.conv_in.weight": (512, channels, 3, 3), "encoder.conv_in.weight": (128, 3, 3, 3),
        "encoder.conv_out.weight": (channels * 2, 512, 3, 3), "decoder.conv_out.weight": (3, 128, 3, 3), **extra,
    }  # fmt: skip
