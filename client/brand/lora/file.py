"""One LoRA file and all that can be done with it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .conflicts import Overlap, overlap
from .convert import convert
from .merge import Part, merge, resize
from .metadata import Statement, stamp
from .report import inspect_lora
from .tensors import TensorFile
from .written import Written


class LoraFile:
    """A LoRA in a safetensors file, which is looked into when it is asked something.

    Every method raises ModelMissing where there is no such file, ModelCorrupt where it is damaged, InputInvalid where
    it is no LoRA, and OutputUnwritable where the folder or the disk refuses.

    Args:
        path: of the file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"LoraFile({str(self.path)!r})"

    def inspect(self) -> dict[str, Any]:
        """Say what the file is: base, layout, algorithm, rank, alpha, trigger words, metadata and hashes.

        Returns:
            The object of ``packshot lora inspect --json``.
        """
        return inspect_lora(self.path)

    def compare(self, other: LoraFile) -> Overlap:
        """Say whether two LoRAs fight over the same directions, and in which blocks of the model."""
        return overlap(TensorFile(self.path), TensorFile(other.path))

    @classmethod
    def merge(
        cls,
        parts: Iterable[tuple[str | Path, float]],
        out: str | Path,
        *,
        rank: int | None = None,
        dtype: str | None = None,
    ) -> Written:
        """Write one LoRA that adds what several add, each at its strength.

        Args:
            parts: files and strengths, two or more, for one base.
            out: the new file.
            rank: of every layer, with the nearest sum of that rank; by default the exact sum, whose ranks add up.
            dtype: ``fp32``, ``fp16`` or ``bf16``; by default the narrowest that holds all parts exactly.
        """
        listed = [Part(Path(path), strength) for path, strength in parts]
        return merge(listed, Path(out), method="concat" if rank is None else "svd", rank=rank, dtype=dtype)

    def resize(
        self, out: str | Path, *, rank: int | None = None, energy: float = 1.0, dtype: str | None = None
    ) -> Written:
        """Write the nearest LoRA of a lower rank, and say what it loses.

        Args:
            out: the new file.
            rank: the most of any layer; by default as many as ``energy`` needs.
            energy: share of each layer's squared singular values to keep, above 0 to 1.
            dtype: ``fp32``, ``fp16`` or ``bf16``; by default the file's own.
        """
        return resize(self.path, Path(out), rank=rank, energy=energy, dtype=dtype)

    def convert(self, out: str | Path, dtype: str) -> Written:
        """Write the LoRA in another dtype, ``fp32``, ``fp16`` or ``bf16``, and say what rounding loses."""
        return convert(self.path, Path(out), dtype)

    def stamp(self, out: str | Path | None = None, *, scrub: bool = False, **fields: str | None) -> dict[str, str]:
        """Write ModelSpec metadata into a LoRA; its tensors, and so its AutoV3 hash, stay as they are.

        Args:
            out: the file to write; by default the file itself.
            scrub: take out captions, folder names and other traces of whoever trained it.
            fields: ``title``, ``author``, ``licence``, ``trigger``, ``description``, ``usage`` and ``date``, see
                :class:`~.metadata.Statement`; what is left out stays as it is.

        Returns:
            The metadata as written.
        """
        return stamp(self.path, Path(out) if out else self.path, Statement(**fields), scrub=scrub)
