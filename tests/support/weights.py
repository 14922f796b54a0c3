"""Makes files of weights for tests: real headers over a body that is a hole in the file, so that size costs nothing."""

from __future__ import annotations

import functools
import itertools
import json
import math
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from packshot.errors import ModelCorrupt
from packshot.models.detect import model_shapes
from packshot.models.files.gguf_header import TENSOR_TYPES
from packshot.models.files.read import read_header
from packshot.models.files.safetensors_header import DTYPE_BITS

Shape = Sequence[int]


def write_safetensors(
    path: Path,
    shapes: Mapping[str, Shape],
    metadata: Mapping[str, str] | None = None,
    dtype: str | Mapping[str, str] = "BF16",
) -> Path:
    """A whole safetensors file; ``dtype`` is that of every tensor, or of each."""
    at = 0
    header: dict[str, object] = {} if metadata is None else {"__metadata__": dict(metadata)}
    for name, shape in shapes.items():
        spelt = dtype if isinstance(dtype, str) else dtype.get(name, "BF16")
        size = math.prod(shape) * DTYPE_BITS[spelt] // 8
        header[name] = {"dtype": spelt, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    return write_raw(path, json.dumps(header).encode(), at)


def write_raw(path: Path, header: bytes, body: int) -> Path:
    """A safetensors file with this header, whatever it says, over ``body`` bytes."""
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + body)
    return path


def gguf_string(text: str | bytes, order: str = "<") -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return struct.pack(f"{order}Q", len(data)) + data


def write_gguf(
    path: Path, shapes: Mapping[str, Shape], kind: str = "F16", architecture: str = "flux", order: str = "<"
) -> Path:
    """A whole GGUF file of version 3 with ``general.architecture``; shapes as PyTorch has them."""
    number, block, block_bytes = next((n, b, s) for n, (name, b, s) in TENSOR_TYPES.items() if name == kind)
    head = b"GGUF" + struct.pack(f"{order}IQQ", 3, len(shapes), 1)
    head += gguf_string("general.architecture", order) + struct.pack(f"{order}I", 8) + gguf_string(architecture, order)
    at = 0
    for name, shape in shapes.items():
        whole = len(shape) > 1 and shape[-1] % block == 0
        stored, size = (number, math.prod(shape) // block * block_bytes) if whole else (0, math.prod(shape) * 4)
        head += gguf_string(name, order) + struct.pack(f"{order}I", len(shape))
        head += struct.pack(f"{order}{len(shape)}Q", *reversed(shape)) + struct.pack(f"{order}IQ", stored, at)
        at += -(-size // 32) * 32
    head += b"\0" * (-len(head) % 32)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + at)
    return path


@functools.cache
def _table() -> dict[str, dict[str, dict[str, str]]]:
    table: dict[str, dict[str, dict[str, str]]] = json.loads(
        Path(model_shapes.__file__).with_name("shapes.json").read_text("utf-8")
    )
    return table


def namings() -> list[tuple[str, str]]:
    """Every published model with every way of naming that ``shapes.json`` has for it."""
    return [
        (variant, naming)
        for variant, entry in _table().items()
        for naming in ("native", "diffusers")
        if naming in entry
    ]


def model(variant: str, naming: str = "native") -> dict[str, tuple[int, ...]]:
    """Name: shape of every matrix and convolution of a published model, from ``shapes.json``."""
    shapes: dict[str, tuple[int, ...]] = {}
    for line, spelt in _table()[variant][naming].items():
        for name in _expand(line):
            last = name.rpartition(".")[2]
            shapes[name if last in _BARE else f"{name}.weight"] = tuple(map(int, spelt.split("x")))
    return shapes


def prefixed(prefix: str, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    return {prefix + name: shape for name, shape in shapes.items()}


# Parameters that are no layer's weight.
_BARE = {
    "pos_embed", "scale_shift_table", "modulation", "y_embedding", "cap_pad_token", "x_pad_token",
    "audio_scale_shift_table", "scale_shift_table_a2v_ca_audio", "scale_shift_table_a2v_ca_video",
    "learnable_registers",
}  # fmt: skip


def _expand(line: str) -> Iterator[str]:
    parts = re.split(r"\{([^}]*)\}", line)
    choices = [_values(part) for part in parts[1::2]]
    for chosen in itertools.product(*choices):
        texts = iter(chosen)
        yield "".join(part if i % 2 == 0 else str(next(texts)) for i, part in enumerate(parts))


def _values(inner: str) -> Sequence[int]:
    if "," in inner:
        return [int(value) for value in inner.split(",")]
    first, _, last = inner.rpartition("-")
    return range(int(first), int(last) + 1) if first else range(int(last))


def refused(path: Path) -> str:
    with pytest.raises(ModelCorrupt) as caught:
        read_header(path)
    assert str(path) in caught.value.place
    assert caught.value.remedy
    return str(caught.value)
