"""One LoRA file for several, or a smaller one for one.

Concatenation puts the factors of a layer side by side: the sum exactly, of the sum of the ranks (``[U1 U2] [D1; D2]``).
Truncation by singular values gives the nearest sum of a chosen rank, and its error is stated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from ...errors import InputInvalid
from ...models.detect.detect import detect_header
from ...models.files.adapters import Adapter
from .algebra import joined, truncated
from .changes import adapters_of, change_of, identity
from .metadata import merged
from .prices import enforce_price, price
from .tensors import Floats, TensorFile
from .written import Writer, Written, widest

Method = Literal["concat", "svd"]
Weighted: TypeAlias = tuple[TensorFile, Adapter, float]  # a layer of a file, and the strength that it is merged with
_EXACT = 1e-6  # relative error up to which a concatenation is called exact: that of float32


@dataclass(frozen=True, slots=True)
class Part:
    """A file to merge and the strength that it is merged with."""

    path: Path
    strength: float = 1.0


def merge(
    parts: Sequence[Part], out: Path, *, method: Method = "concat", rank: int | None = None, dtype: str | None = None
) -> Written:
    """Write the weighted sum of LoRA files.

    Args:
        parts: two or more files for one base.
        out: the new file; its layers keep the names of the first file that has them.
        method: ``concat`` keeps everything; ``svd`` keeps ``rank``.
        rank: of every layer, with ``svd``.
        dtype: ``fp32``, ``fp16`` or ``bf16``; None: the inputs' own, fp32 where they differ, and where a concatenation
            would not be exact: a strength of 0.8 takes more digits than 16 bits have.

    Raises:
        InputInvalid: the files are for different bases or name their layers in different ways, a layer's change is no
            sum, or it has no factors to put side by side.
        ModelMissing, ModelCorrupt: a file is not there or is damaged.
        OutputUnwritable: the folder or the disk refuses.
    """
    if len(parts) < 2:
        raise InputInvalid("there is only one file", place="merge", remedy="name two or more, or use resize")
    files = [TensorFile(part.path) for part in parts]
    found = [(file, adapter) for file in files for adapter in adapters_of(file)]
    base = _same_base(files)
    _one_naming(files)
    layers: dict[tuple[bool, str], list[Weighted]] = {}
    for file, part in zip(files, parts, strict=True):
        for adapter in adapters_of(file):
            if method == "concat" and adapter.algorithm in ("loha", "lokr", "diff"):
                raise InputInvalid(
                    f"is a {adapter.algorithm} layer: it has no two low-rank matrices to put beside others",
                    place=f"{part.path}, layer '{adapter.name}'",
                    remedy="merge with --method svd and a rank",
                )
            layers.setdefault(identity(adapter), []).append((file, adapter, part.strength))
    writer = _sums(layers.values(), widest(found, dtype), rank, method)
    if method == "concat" and dtype is None and writer.error > _EXACT:
        writer = _sums(layers.values(), "F32", rank, method)
    sources = [
        (part.path.name, part.strength, dict(file.header.metadata)) for part, file in zip(parts, files, strict=True)
    ]
    return writer.finish(out, writer.described(merged(sources, base)))


def resize(
    source: Path, out: Path, *, rank: int | None = None, energy: float = 1.0, dtype: str | None = None
) -> Written:
    """Write the LoRA of a lower rank that is nearest to a file.

    Args:
        rank: the most of any layer; None: as many as ``energy`` needs.
        energy: share of each layer's squared singular values to keep, above 0 to 1.
        dtype: as for :func:`merge`.

    Raises:
        InputInvalid: neither a rank nor an energy below 1 is given, or a layer's change is no sum.
        ModelMissing, ModelCorrupt, OutputUnwritable: as for :func:`merge`.
    """
    if not (rank is not None or energy < 1.0) or not 0.0 < energy <= 1.0 or (rank is not None and rank < 1):
        raise InputInvalid(
            "needs a rank of 1 or more, or a share of the energy above 0 and below 1", place="resize",
            remedy="for instance --rank 16, or --energy 0.98",
        )  # fmt: skip
    file = TensorFile(source)
    adapters = adapters_of(file)
    writer = Writer(widest([(file, adapter) for adapter in adapters], dtype))
    for adapter in adapters:
        _write(writer, [(file, adapter, 1.0)], rank, energy=energy, truncate=True)
    said = writer.described(file.header.metadata)
    asked = f"rank {rank}" if rank is not None else f"{energy:g} of the energy"
    note = f"resized to {asked} from {source.name}"
    if "ss_training_comment" in said:
        said["ss_training_comment"] = f"{note}; {said['ss_training_comment']}"
    return writer.finish(out, {**said, "packshot.resized": note})


def _sums(layers: Iterable[list[Weighted]], dtype: str, rank: int | None, method: Method) -> Writer:
    writer = Writer(dtype)
    for of_layer in layers:
        _write(writer, of_layer, rank if method == "svd" else None, truncate=method == "svd")
    return writer


def _write(
    writer: Writer,
    of_layer: list[Weighted],
    rank: int | None,
    *,
    energy: float = 1.0,
    truncate: bool,
) -> None:
    """One layer: the weighted sum of what the files add to it."""
    adapter = of_layer[0][1]
    changes = [(change_of(file, adapter), strength) for file, adapter, strength in of_layer]
    matrices = [(change.matrix, strength) for change, strength in changes if change.matrix is not None]
    if matrices:
        outputs, inputs = matrices[0][0].shape
        ranks = sum(matrix.up.shape[1] for matrix, _ in matrices)
        enforce_price(price(outputs, inputs, ranks), f"layer '{adapter.name}'")
        try:
            exact = joined(matrices)
        except InputInvalid as error:
            raise InputInvalid(error.message, place=f"layer '{adapter.name}'", remedy=error.remedy) from error
        writer.matrix(adapter, exact, truncated(exact, rank=rank, energy=energy) if truncate else exact)
    vectors: dict[str, Floats] = {}
    for change, strength in changes:
        for suffix, values in change.vectors.items():
            vectors[suffix] = vectors.get(suffix, np.zeros_like(values)) + values * np.float32(strength)
    for suffix, values in vectors.items():
        writer.vector(adapter, suffix, values)


def _same_base(files: Sequence[TensorFile]) -> str | None:
    """Refuse files that are sure to be for different models; what no header tells is left to the layers' shapes.

    Returns:
        The base, where one of the headers tells it.
    """
    found = [detect_header(file.header) for file in files]
    allowed = [set(one.cards) for one in found if one.cards]
    if len(allowed) > 1 and not set.intersection(*allowed):
        said = "; ".join(
            f"{file.header.path.name}: {one.base or ' or '.join(one.cards)}"
            for file, one in zip(files, found, strict=True)
        )
        raise InputInvalid(
            f"the files are for different models ({said})", place="merge", remedy="merge LoRAs of one base"
        )
    return next((one.base for one in found if one.base not in (None, "other")), None)


def _one_naming(files: Sequence[TensorFile]) -> None:
    """Refuse files that name the same layers differently: a loader would take only one of the two for each layer."""
    patterns = [
        {re.sub(r"\d+", "#", name) for _, name in (identity(adapter) for adapter in adapters_of(file))}
        for file in files
    ]
    for file, pattern in zip(files[1:], patterns[1:], strict=True):
        if not pattern & patterns[0] and _layouts(file) != _layouts(files[0]):
            raise InputInvalid(
                f"names no layer as {files[0].header.path.name} does: the one is in {_layouts(files[0])} naming,"
                f" the other in {_layouts(file)}",
                place=str(file.header.path),
                remedy="save one of them again in the other's naming",
            )


def _layouts(file: TensorFile) -> str:
    return " and ".join(sorted({adapter.layout for adapter in adapters_of(file)}))
