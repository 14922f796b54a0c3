"""Whether two LoRAs fight over the same directions, before a picture shows it.

A LoRA's change of a layer reads certain directions (the row space) and writes certain directions (the column space).
Two LoRAs whose spaces are apart add up without noticing each other. Where the spaces are the same they pull at the same
features: in the same sense the effect doubles, in opposite senses it cancels.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from ...models.files.adapters import Adapter
from .algebra import inner, norm, too_large
from .changes import Change, adapters_of, change_of, identity
from .tensors import Floats, TensorFile

#: Share of the weaker LoRA's squared norm that lies in the other's directions, from which they are said to fight.
LIMIT = 0.25
_ALIKE = 0.1  # cosine from which two changes have a sense in common
_BLOCK = re.compile(r"^(.*?[a-z]_\d+(?:_\d+)?)_")


@dataclass(frozen=True, slots=True)
class BlockOverlap:
    """How two LoRAs meet in one block of the model.

    Attributes:
        block: its name, such as ``double_blocks_0``.
        layers: how many layers both change.
        shared: 0..1, the share of a change's squared norm within the other's row and column spaces; the larger of the
            two ways round.
        cosine: -1..1, of the two changes taken as vectors: 1 the same, -1 opposite, 0 independent.
        angle: degrees between the closest directions that both write, of 0 to 90: the smallest principal angle of the
            column spaces (Björck and Golub, 1973).
    """

    block: str
    layers: int
    shared: float
    cosine: float
    angle: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """How two LoRAs meet in the whole model.

    Attributes:
        layers: how many layers both change by sums; those of other algorithms are not compared.
        shared, cosine: as for a block, over all of these layers.
        blocks: the most overlapping first.
    """

    layers: int
    shared: float
    cosine: float
    blocks: tuple[BlockOverlap, ...]

    @property
    def fights(self) -> bool:
        """Whether enough is shared that it should be said."""
        return self.shared >= LIMIT

    def sentence(self) -> str:
        """For people: what the overlap means."""
        if not self.fights:
            return f"{self.shared:.0%} of the change in the same directions: they leave each other alone"
        if self.cosine > _ALIKE:
            sense = "pull together, so the effect is stronger than either"
        elif self.cosine < -_ALIKE:
            sense = "pull against each other and partly cancel"
        else:
            sense = "change the same features in different ways"
        worst = self.blocks[0]
        return (
            f"{self.shared:.0%} of the change is in the same directions: they {sense}"
            f" (cosine {self.cosine:+.2f}; most in {worst.block}, {worst.shared:.0%})"
        )


@dataclass(slots=True)
class _Sums:
    """Squared norms and products, summed over layers."""

    layers: int = 0
    first: float = 0.0
    second: float = 0.0
    product: float = 0.0
    first_within: float = 0.0
    second_within: float = 0.0
    angle: float = 90.0

    def add(self, other: _Sums) -> None:
        self.layers += other.layers
        self.first += other.first
        self.second += other.second
        self.product += other.product
        self.first_within += other.first_within
        self.second_within += other.second_within
        self.angle = min(self.angle, other.angle)

    @property
    def shared(self) -> float:
        ways = ((self.first_within, self.first), (self.second_within, self.second))
        return min(1.0, max(within / whole if whole else 0.0 for within, whole in ways))

    @property
    def cosine(self) -> float:
        size = math.sqrt(self.first * self.second)
        return max(-1.0, min(1.0, self.product / size)) if size else 0.0


def overlap(first: TensorFile, second: TensorFile) -> Overlap:
    """Compare two LoRA files layer by layer.

    Raises:
        InputInvalid: one of them is no LoRA, or its matrices do not fit each other.
        ModelCorrupt: one of them is damaged.
    """
    ours = _summed(first)
    blocks: dict[str, _Sums] = {}
    total = _Sums()
    for key, adapter in _summed(second).items():
        if key not in ours:
            continue
        # One pair of layers at a time: all of a file may be more than the memory holds.
        before, change = change_of(first, ours[key]).matrix, change_of(second, adapter).matrix
        if before is None or change is None or before.shape != change.shape:
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            sums = _compare(before, change)
        total.add(sums)
        match = _BLOCK.match(key[1])
        blocks.setdefault(match[1] if match else key[1], _Sums()).add(sums)
    listed = [BlockOverlap(name, sums.layers, sums.shared, sums.cosine, sums.angle) for name, sums in blocks.items()]
    listed.sort(key=lambda block: -block.shared)
    return Overlap(total.layers, total.shared, total.cosine, tuple(listed))


def _summed(file: TensorFile) -> dict[tuple[bool, str], Adapter]:
    """The layers that a file changes by sums."""
    return {
        identity(adapter): adapter
        for adapter in adapters_of(file)
        if adapter.algorithm in ("lora", "loha", "lokr") and not {"scale", "reshape"} & adapter.tensors.keys()
    }


def _compare(first: Change, second: Change) -> _Sums:
    try:
        spaces = [(_basis(change.up), _basis(change.down.T)) for change in (first, second)]
        cosines = np.linalg.svd(spaces[0][0].T @ spaces[1][0], compute_uv=False)
    except np.linalg.LinAlgError as error:
        raise too_large(str(error)) from error
    angle = math.degrees(math.acos(min(1.0, float(cosines.max(initial=0.0)))))
    return _Sums(
        1,
        norm(first) ** 2,
        norm(second) ** 2,
        inner(first, second),
        _within(first, *spaces[1]),
        _within(second, *spaces[0]),
        angle,
    )


def _within(change: Change, columns: Floats, rows: Floats) -> float:
    """The squared norm of what is left of a change when it may only read and write the other's directions."""
    return norm(Change(columns.T @ change.up, change.down @ rows)) ** 2


def _basis(matrix: Floats) -> Floats:
    """An orthonormal basis of the space that the columns span; without those that are rounding.

    From the eigenvectors of the Gram matrix, which is small where the matrix is tall.
    """
    wide = matrix.astype(np.float64)
    squares, vectors = np.linalg.eigh(wide.T @ wide)
    kept = squares > squares.max(initial=0.0) * 1e-10
    return np.asarray(wide @ (vectors[:, kept] / np.sqrt(squares[kept])), np.float32)
