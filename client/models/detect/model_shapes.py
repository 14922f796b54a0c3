"""Which known model a set of layers belongs to, by their names and shapes.

``shapes.json`` lists the matrices and convolutions of every base, made from ComfyUI's own classes; a test on the host
compares it with them. A name is compared in a normal form, with underscores for dots and its numbers taken out,
because trainers write ``lora_unet_double_blocks_0_img_attn_qkv`` for ``double_blocks.0.img_attn.qkv``.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NUMBER = re.compile(r"(?<![^_])\d+(?![^_])")
_DIGIT = re.compile(r"(?<=[a-z])\d+(?![a-z\d])")
_BRACED = re.compile(r"(\{[^}]*\})")
_BRACES = re.compile(r"\{[^}]*\}|(?<![^_])\d+(?![^_])")


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a file.

    Attributes:
        pattern: the name in the normal form, ``#`` for its numbers.
        numbers: the numbers that were taken out.
        shape: outputs first; None where a file (an adapter) does not tell that side.
    """

    pattern: str
    numbers: tuple[int, ...]
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """A published model under one way of naming."""

    name: str
    base: str
    architecture: str
    layers: dict[str, list[tuple[tuple[frozenset[int], ...], tuple[int, ...]]]]
    count: int

    @property
    def parameters(self) -> int:
        """Numbers in its matrices and convolutions; biases and norms beside them come to less than a thousandth."""
        lines = (line for lines in self.layers.values() for line in lines)
        return sum(math.prod(map(len, ranges)) * math.prod(shape) for ranges, shape in lines)


@dataclass(frozen=True, slots=True)
class Match:
    """How a file's layers compare with a variant.

    Attributes:
        total: layers compared.
        fitting: those with a name and shape of the variant.
        beyond: those in a block that the variant does not have.
        alike: 0..1, how much of both has the same names, whatever the shapes and the number of blocks.
        named: 0..1, the same of the file alone; 0 where none of the names is in a block.
        differs: a layer of the variant that has another shape in the file, for people; empty if there is none.
        complete: of each name that the file has, it has all of the variant's blocks.
        left_out: names of the variant that the file does not have, though it has their like: ``attn`` and no ``attn2``.
    """

    variant: Variant
    total: int
    fitting: int
    beyond: int
    alike: float
    named: float
    differs: str
    complete: bool
    left_out: int

    @property
    def share(self) -> float:
        """Share of the file's layers that fit."""
        return self.fitting / self.total

    @property
    def whole(self) -> float:
        """As ``share``, and of the variant's layers too: 1.0 is the whole model and nothing else."""
        return min(self.share, self.fitting / self.variant.count)


def layer(name: str, shape: Sequence[int | None]) -> Layer:
    """A layer of the name, which may have dots or underscores."""
    flat = name.removesuffix(".weight").replace(".", "_")
    return Layer(_NUMBER.sub("#", flat), tuple(int(n[:9]) for n in _NUMBER.findall(flat)), tuple(shape))


def matches(layers: Iterable[Layer]) -> list[Match]:
    """The comparison with every variant that shares a name."""
    groups: dict[str, list[Layer]] = {}
    for item in layers:
        groups.setdefault(item.pattern, []).append(item)
    total = sum(map(len, groups.values()))
    return [_compare(variant, groups, total) for variant in variants() if groups.keys() & variant.layers.keys()]


@functools.cache
def variants() -> tuple[Variant, ...]:
    """All that ``shapes.json`` holds."""
    found = []
    for name, entry in _table().items():
        for naming in ("native", "diffusers"):
            if naming in entry:
                found.append(_variant(name, entry["base"], entry["architecture"], entry[naming]))
    return tuple(found)


@functools.cache
def native_shapes(variant: str) -> dict[str, tuple[int, ...]]:
    """Name every matrix and convolution of a variant as ComfyUI's class does, without ``.weight``, with its shape."""
    shapes: dict[str, tuple[int, ...]] = {}
    for line, shape in _table()[variant]["native"].items():
        texts = _BRACED.split(line)
        ranges = [sorted(_numbers(part)) for part in texts[1::2]]
        for numbers in itertools.product(*ranges):
            name = "".join(text + str(number) for text, number in zip(texts[::2], numbers, strict=False)) + texts[-1]
            shapes[name] = tuple(map(int, shape.split("x")))
    return shapes


@functools.cache
def _table() -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = json.loads((Path(__file__).resolve().parent / "shapes.json").read_text("utf-8"))
    return table


def _variant(name: str, base: str, architecture: str, lines: dict[str, str]) -> Variant:
    layers: dict[str, list[tuple[tuple[frozenset[int], ...], tuple[int, ...]]]] = {}
    count = 0
    for line, shape in lines.items():
        flat = line.replace(".", "_")
        ranges = tuple(_numbers(part) for part in _BRACES.findall(flat))
        layers.setdefault(_BRACES.sub("#", flat), []).append((ranges, tuple(map(int, shape.split("x")))))
        count += math.prod(map(len, ranges))
    return Variant(name, base, architecture, layers, count)


@functools.cache
def _numbers(part: str) -> frozenset[int]:
    """``3``, ``{19}`` (0 to 18), ``{4-5}`` or ``{0,2}``."""
    if not part.startswith("{"):
        return frozenset((int(part),))
    inner = part[1:-1]
    if "," in inner:
        return frozenset(map(int, inner.split(",")))
    first, _, last = inner.rpartition("-")
    return frozenset(range(int(first), int(last) + 1)) if first else frozenset(range(int(last)))


def _compare(variant: Variant, groups: dict[str, list[Layer]], total: int) -> Match:
    fitting = beyond = touched = 0
    differs = ""
    for pattern, layers in groups.items():
        known = variant.layers.get(pattern)
        if known is None:
            continue
        touched += sum(math.prod(map(len, ranges)) for ranges, _ in known)
        for item in layers:
            first = None
            for ranges, shape in known:
                if not _within(item.numbers, ranges):
                    continue
                if _fits(item.shape, shape):
                    fitting += 1
                    break
                first = shape if first is None else first
            else:
                if first is None:
                    beyond += 1
                elif not differs:
                    mine = "×".join("?" if side is None else str(side) for side in _told(item.shape))
                    differs = f"{pattern} is {mine} and not {'×'.join(map(str, first))}"
    common = groups.keys() & variant.layers.keys()
    alike = len(common) / len(groups.keys() | variant.layers.keys())
    named = len(common) / len(groups) if any("#" in pattern for pattern in common) else 0.0
    kinds = {_DIGIT.sub("", pattern) for pattern in groups}
    left_out = sum(_DIGIT.sub("", pattern) in kinds for pattern in variant.layers.keys() - groups.keys())
    return Match(variant, total, fitting, beyond, alike, named, differs, 0 < touched <= fitting, left_out)


def _told(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """Without the sides at the end that are not told."""
    while len(shape) > 2 and shape[-1] is None:
        shape = shape[:-1]
    return shape


def _within(numbers: tuple[int, ...], ranges: tuple[frozenset[int], ...]) -> bool:
    for number, allowed in zip(numbers, ranges, strict=True):  # noqa: SIM110 - half the time of all()
        if number not in allowed:
            return False
    return True


def _fits(shape: tuple[int | None, ...], known: tuple[int, ...]) -> bool:
    """Sides that are not told fit; so do those of length 1 at the end, which convolutions of one pixel add.

    A column may be a matrix that bitsandbytes has packed: its elements are counted. What an adapter takes in may be a
    convolution's inputs times its kernel.
    """
    if shape == known or (len(shape) == 2 and shape[1] == 1 and shape[0] == math.prod(known)):
        return True
    if None in shape[2:] and shape[1] == math.prod(known[1:]):
        return shape[0] in (None, known[0])
    longer = max(len(shape), len(known))
    mine = (*shape, *(1,) * (longer - len(shape)))
    theirs = (*known, *(1,) * (longer - len(known)))
    return all(a is None or a == b for a, b in zip(mine, theirs, strict=True))
