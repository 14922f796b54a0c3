"""One LoRA file and all that can be done with it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .conflicts import Overlap, overlap
from .convert import convert
from .merge import Part, merge, resize
from .metadata import Statement, stamp
from .outputs import enforce_output, output_of
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
        enforce_output(Path(out), [part.path for part in listed])
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
        enforce_output(Path(out), [self.path])
        return resize(self.path, Path(out), rank=rank, energy=energy, dtype=dtype)

    def convert(
        self,
        out: str | Path | None = None,
        dtype: str | None = None,
        *,
        names: str | None = None,
        in_place: bool = False,
    ) -> Written:
        """Write the LoRA in another dtype or under other names, and say what rounding loses.

        Args:
            out: the new file.
            dtype: ``fp32``, ``fp16`` or ``bf16``; by default the file's own.
            names: ``native`` (ComfyUI's), ``diffusers`` or ``kohya``; by default the file's own.
            in_place: write over the file itself, where ``out`` is not another one.
        """
        return convert(self.path, output_of(self.path, _path(out), in_place=in_place), dtype, names)

    def stamp(
        self, out: str | Path | None = None, *, scrub: bool = False, in_place: bool = False, **fields: str | None
    ) -> dict[str, str]:
        """Write ModelSpec metadata into a LoRA; its tensors, and so its AutoV3 hash, stay as they are.

        Args:
            out: the new file.
            scrub: take out captions, folder names and other traces of whoever trained it.
            in_place: write over the file itself, where ``out`` is not another one; a kit's approved file never.
            fields: ``title``, ``author``, ``licence``, ``trigger``, ``description``, ``usage`` and ``date``, see
                :class:`~.metadata.Statement`; what is left out stays as it is.

        Returns:
            The metadata as written.
        """
        chosen = output_of(self.path, _path(out), in_place=in_place)
        return stamp(self.path, chosen, Statement(**fields), scrub=scrub)


def _path(out: str | Path | None) -> Path | None:
    return None if out is None else Path(out)
