"""Malformed files of weights, made from well-formed ones: bits, numbers, structure and sizes changed."""

from __future__ import annotations

import json
import random
import re
import struct
from collections.abc import Callable, Iterator

from support.weights import gguf_string

_DTYPES = ["F32", "BF16", "F8_E4M3", "F4", "U8", "F31", "", "f32"]
_NUMBERS = [0, 1, -1, 2**31, 2**63, 2**64, 10**30, 1.5]


def mutants(rng: random.Random, count: int) -> Iterator[tuple[bytes, int]]:
    """The start of each file, and the size that the file is extended or cut to."""
    for _ in range(count):
        make = rng.choices((_safetensors, _gguf, _bomb, _crowd), (20, 20, 20, 1))[0]
        content, size = make(rng)
        for _ in range(rng.randrange(3)):
            content = rng.choice(_DAMAGES)(rng, content)
        yield content, max(0, size + rng.choice((0, 0, 0, -1, 1, -1_000, 100_000_000_000)))


def _safetensors(rng: random.Random) -> tuple[bytes, int]:
    """A header whose values are mostly right; one in three tensors has a field changed."""
    header: dict[str, object] = {"__metadata__": {"ss_base_model_version": "sdxl", "modelspec.title": "x" * 40}}
    at = 0
    prefix = rng.choice(("", "model.diffusion_model.", "lora_unet_", "transformer."))
    for block in range(rng.randrange(1, 40)):
        rows, columns = rng.choice((1, 64, 3072)), rng.choice((1, 64, 3072))
        entry: dict[str, object] = {
            "dtype": "BF16", "shape": [rows, columns], "data_offsets": [at, at + 2 * rows * columns]
        }  # fmt: skip
        at += 2 * rows * columns
        if rng.random() < 1 / 60:
            field = rng.choice(list(entry))
            entry[field] = rng.choice(
                (None, [], {}, "x", rng.choice(_DTYPES), [rng.choice(_NUMBERS)] * rng.randrange(12))
            )
        suffix = rng.choice((".weight", ".lora_down.weight", ".lora_up.weight", ".lokr_w1", ".oft_blocks", ".alpha"))
        header[f"{prefix}double_blocks.{block}.img_attn.qkv{suffix}"] = entry
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text, 8 + len(text) + at


def _gguf(rng: random.Random) -> tuple[bytes, int]:
    tensors, keys = rng.randrange(30), rng.randrange(20)
    content = b"GGUF" + struct.pack("<IQQ", 3, tensors, keys)
    for i in range(keys):
        kind = rng.choice((0, 4, 6, 7, 8, 9, 10, 12, 13))
        value = {8: gguf_string("flux"), 9: struct.pack("<IQ", rng.choice((0, 8, 9, 4)), rng.randrange(100))}
        content += gguf_string(f"key{i}") + struct.pack("<I", kind) + value.get(kind, b"\1" * 8)
    for i in range(tensors):
        content += gguf_string(f"double_blocks.{i}.img_mlp.0.weight")
        content += struct.pack("<IQQIQ", 2, 256, 256, rng.choice((0, 1, 2, 12, 99)), i * 131072)
    return content, len(content) + tensors * 262144


def _bomb(rng: random.Random) -> tuple[bytes, int]:
    """A header made to take time or memory."""
    size = rng.choices((1_000, 100_000, 10_000_000), (8, 8, 1))[0]
    unit = rng.choice(
        (b"[", b"{", b'{"a":', b"[],", b"1,", b'\\n', b'\\ud83d\\ude00', "😀".encode(), b" ", b"\0", b'"a":"b",')
    )  # fmt: skip
    before = rng.choice((b"", b"{", b'{"', b'{"__metadata__":{"', b'{"__metadata__":{"a":"', b'{"w":{"shape":['))
    after = rng.choice((b"", b'"}}', b'"}', b"]}}"))
    text = before + unit * (size // len(unit)) + after
    return struct.pack("<Q", len(text)) + text, 8 + len(text)


def _crowd(rng: random.Random) -> tuple[bytes, int]:
    """All that the limits allow at once: as many tensors, dimensions, long names and metadata."""
    entries = []
    for i in range(20_000):
        shape = ",".join(str(rng.randrange(300, 1_000)) for _ in range(5))
        entries.append(f'"{"n" * 100}.{i}":{{"dtype":"F32","shape":[{shape},0],"data_offsets":[0,0]}}')
    tensors = ",".join(entries).encode()
    filler = "😀".encode() * ((10 * 1024 * 1024 - 100 - len(tensors)) // 4)
    text = b'{"__metadata__":{"a":"' + filler + b'"},' + tensors + b"}"
    return struct.pack("<Q", len(text)) + text, 8 + len(text)


def _flip(rng: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 9)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _cut(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(1, len(content) + 1)]


def _repeat(rng: random.Random, content: bytes) -> bytes:
    begin = rng.randrange(len(content))
    piece = content[begin : begin + rng.randrange(1, 200)]
    return content[:begin] + piece * rng.randrange(2, 5) + content[begin:]


def _number(rng: random.Random, content: bytes) -> bytes:
    """Another number in place of one in the text, the length of the header made to fit."""
    spans = [match.span() for match in re.finditer(rb"\d+", content[8:100_000])]
    if not spans or content.startswith(b"GGUF"):
        return content
    begin, end = rng.choice(spans)
    text = content[8:]
    text = text[:begin] + str(rng.choice(_NUMBERS)).encode() + text[end:]
    return struct.pack("<Q", len(text)) + text


def _length(rng: random.Random, content: bytes) -> bytes:
    return struct.pack("<Q", rng.choice((0, 1, 7, len(content), 10**8, 10**8 + 1, 2**63, 2**64 - 1))) + content[8:]


_DAMAGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (_flip, _cut, _repeat, _number, _length)
