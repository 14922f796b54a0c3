"""LoRA files that tools write: their names and metadata, and how far what is stored is from what was meant."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...models.files.adapters import Adapter, most_common
from .algebra import difference, norm
from .changes import Change
from .prices import enforce_price
from .tensors import Floats, Tensor, TensorFile, decoded, encode, write_tensors, written_dtype

#: Hashes over tensors and part of the metadata, and PEFT's statement of rank and alpha: false once the tensors change.
STALE = ("sshs_model_hash", "sshs_legacy_hash", "lora_adapter_metadata")
_WIDEST = ("F16", "BF16")  # two of these together need float32


@dataclass(frozen=True, slots=True)
class Written:
    """A file that a tool wrote.

    Attributes:
        file: where it is.
        layers: how many it changes.
        ranks: of its layers, ascending, each once.
        dtype: of its matrices.
        error: Frobenius norm of what it adds to the model less what it should add, over the norm of the latter.
        worst: the layer where that is largest, and how large.
        sha256: of everything after the header.
    """

    file: Path
    layers: int
    ranks: tuple[int, ...]
    dtype: str
    error: float
    worst: tuple[str, float]
    sha256: str

    def as_dict(self) -> dict[str, Any]:
        """The object that the command prints with ``--json``."""
        return {
            "file": str(self.file),
            "layers": self.layers,
            "ranks": list(self.ranks),
            "dtype": self.dtype,
            "error": self.error,
            "worst": {"layer": self.worst[0], "error": self.worst[1]},
            "autov3": self.sha256[:12],
        }


@dataclass(slots=True)
class Writer:
    """Collects the layers of a new file and what rounding and truncation cost."""

    dtype: str
    tensors: list[Tensor] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    layers: int = 0
    worst: tuple[str, float] = ("", 0.0)
    _meant: float = 0.0  # squared norms
    _lost: float = 0.0
    _bytes: int = 0

    def matrix(self, adapter: Adapter, exact: Change, kept: Change) -> None:
        """Add a layer's matrices, in the naming of the file that it comes from.

        Args:
            exact: what the layer should add.
            kept: what is stored of it.
        """
        rank = kept.up.shape[1]
        self._bytes += kept.up.nbytes + kept.down.nbytes
        enforce_price(self._bytes, f"the new file, up to layer '{adapter.name}'")
        peft = ".lora_A" in adapter.tensors.get("down", "")
        up_name, down_name = ("lora_B", "lora_A") if peft else ("lora_up", "lora_down")
        up_shape = (kept.up.shape[0], rank, *(1 for _ in kept.kernel))
        down_shape = (rank, -1, *kept.kernel)
        up = encode(f"{adapter.name}.{up_name}.weight", kept.up.reshape(up_shape), self.dtype)
        down = encode(f"{adapter.name}.{down_name}.weight", kept.down.reshape(down_shape), self.dtype)
        self.tensors += [up, down]
        if not peft:
            self.tensors.append(encode(f"{adapter.name}.alpha", np.array(rank, np.float32), "F32"))
        stored = Change(decoded(up).reshape(-1, rank), decoded(down).reshape(rank, -1))
        self.ranks.append(rank)
        self._count(adapter.name, norm(exact), difference(exact, stored))

    def vector(self, adapter: Adapter, suffix: str, values: Floats) -> None:
        """Add a vector of a layer."""
        tensor = encode(f"{adapter.name}.{suffix}", values, self.dtype)
        self.tensors.append(tensor)
        lost = float(np.linalg.norm(decoded(tensor).astype(np.float64) - values))
        self._count(adapter.name, float(np.linalg.norm(values)), lost)

    @property
    def error(self) -> float:
        """As in :class:`Written`, of what was added so far."""
        return math.sqrt(self._lost / self._meant) if self._meant else 0.0

    def finish(self, path: Path, metadata: Mapping[str, str]) -> Written:
        """Write the file."""
        digest = write_tensors(path, self.tensors, metadata)
        ranks = tuple(sorted(set(self.ranks)))
        return Written(path, self.layers, ranks, self.dtype, self.error, self.worst, digest)

    def described(self, metadata: Mapping[str, str]) -> dict[str, str]:
        """The metadata with kohya's rank and alpha as they are now, and without what is no longer true."""
        said = {key: value for key, value in metadata.items() if key not in STALE}
        if "ss_network_dim" in said or "ss_network_alpha" in said:
            one = most_common(self.ranks) if len(set(self.ranks)) == 1 else None
            said["ss_network_dim"] = said["ss_network_alpha"] = "Dynamic" if one is None else str(one)
        return said

    def _count(self, name: str, meant: float, lost: float) -> None:
        self.layers += 1
        self._meant += meant**2
        self._lost += lost**2
        share = lost / meant if meant else 0.0
        if share > self.worst[1]:
            self.worst = (name, share)


def widest(adapters: Iterable[tuple[TensorFile, Adapter]], asked: str | None) -> str:
    """The dtype to write: the one asked for (``fp32``, ``fp16``, ``bf16``), or the narrowest that holds all inputs'."""
    if asked is not None:
        return written_dtype(asked)
    found = {
        file.header.tensors[name].dtype
        for file, adapter in adapters
        for part, name in adapter.tensors.items()
        if part != "alpha"
    }
    return found.pop() if len(found) == 1 and found <= set(_WIDEST) else "F32"
