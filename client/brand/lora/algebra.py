"""Norms, angles and truncation of changes, from their factors: the full matrices are never made.

With ``A = U D``, ``<A, B> = sum((U_A' U_B) * (D_A D_B'))``; the singular values of ``A`` are those of ``R_U R_D'``, of
the QR decompositions of ``U`` and ``D'``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...errors import InputInvalid, ModelCorrupt
from .changes import NOT_ADDITIVE, Change, adapters_of, change_of
from .tensors import Floats, TensorFile

_MORE = {"scale", "reshape"}  # parts that make of a layer's change more than a sum


def inner(first: Change, second: Change) -> float:
    """The Frobenius inner product."""
    ups = first.up.T.astype(np.float64) @ second.up
    downs = first.down.astype(np.float64) @ second.down.T
    return float((ups * downs).sum())


def norm(change: Change) -> float:
    """The Frobenius norm."""
    return math.sqrt(max(0.0, inner(change, change)))


def total_norm(file: TensorFile) -> float | None:
    """The Frobenius norm of all that a LoRA file adds to weights; None where what it does is no sum.

    Raises:
        InputInvalid: the file is no LoRA, or its matrices do not fit each other.
        ModelCorrupt: it is damaged.
    """
    adapters = adapters_of(file)
    if any(adapter.algorithm in NOT_ADDITIVE or not _MORE.isdisjoint(adapter.tensors) for adapter in adapters):
        return None
    matrices = (change_of(file, adapter).matrix for adapter in adapters)
    return math.sqrt(sum(norm(matrix) ** 2 for matrix in matrices if matrix is not None))


def difference(exact: Change, other: Change) -> float:
    """The Frobenius norm of ``exact - other``."""
    return norm(joined([(exact, 1.0), (other, -1.0)]))


def joined(parts: Iterable[tuple[Change, float]]) -> Change:
    """The weighted sum, exactly: the factors side by side. Its rank is the sum of the ranks.

    Raises:
        InputInvalid: the changes are of layers of different shapes.
    """
    given = list(parts)
    shapes = {(change.shape, change.kernel) for change, _ in given}
    if len({shape for shape, _ in shapes}) > 1:
        sizes = " and ".join(f"{rows} x {columns}" for (rows, columns), _ in sorted(shapes))
        raise InputInvalid(f"has a layer of {sizes}: the files are not for one model", remedy="merge LoRAs of one base")
    up = np.concatenate([change.up * np.float32(weight) for change, weight in given], axis=1)
    down = np.concatenate([change.down for change, _ in given])
    return Change(up, down, max((change.kernel for change, _ in given), key=len))


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A singular value decomposition: ``left @ diag(values) @ right``, values descending."""

    left: Floats
    values: Floats
    right: Floats


def spectrum(change: Change) -> Spectrum:
    """The singular value decomposition of a change.

    Raises:
        ModelCorrupt: its values are too large for one.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            left, upper = np.linalg.qr(change.up)
            right, lower = np.linalg.qr(change.down.T)
            u, values, vt = np.linalg.svd(upper @ lower.T, full_matrices=False)
    except np.linalg.LinAlgError as error:
        raise too_large(str(error)) from error
    if not np.isfinite(values).all():
        raise too_large("they are infinite")
    return Spectrum(left @ u, values, vt @ right.T)


def too_large(why: str) -> ModelCorrupt:
    """Say that a layer's values are beyond what can be computed with."""
    return ModelCorrupt(
        f"holds values so large that their products have no singular values: {why}",
        place="a layer of the LoRA",
        remedy="the training went wrong or the file is damaged: use another one",
    )


def truncated(change: Change, *, rank: int | None = None, energy: float = 1.0) -> Change:
    """The nearest change of a lower rank (Eckart and Young, 1936), both factors of equal size.

    Args:
        rank: the most that is kept; None: no limit.
        energy: share of the squared singular values to keep, above 0 to 1; the smallest rank that has it.
    """
    parts = spectrum(change)
    squares = parts.values.astype(np.float64) ** 2
    # Below float32's precision there is nothing but rounding.
    keep = max(1, int((parts.values > parts.values[0] * 1e-7).sum()))
    if energy < 1.0 and squares.sum() > 0:
        keep = min(keep, int(np.searchsorted(np.cumsum(squares) / squares.sum(), energy)) + 1)
    keep = min(keep, rank or keep)
    root = np.sqrt(parts.values[:keep])
    return Change(parts.left[:, :keep] * root, root[:, None] * parts.right[:keep], change.kernel)
