"""What the header of a file of weights says, as one answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .quantisation import summary
from .read import read_header


def inspect(path: str | Path) -> dict[str, Any]:
    """Read what a file of weights says in its header; no tensor is read.

    Returns:
        The object of ``packshot models inspect --json``: ``file``, ``format`` (safetensors or gguf), ``size`` and
        ``header_bytes`` in bytes, ``dtypes`` (dtype -> number of tensors and bytes), ``layers`` (the form in which
        layers are stored -> how many), ``metadata``, and ``tensors`` (name -> dtype, shape and bytes).

    Raises:
        ModelMissing: there is no such file.
        ModelCorrupt: it is no file of weights, or a damaged one.
    """
    header = read_header(path)
    dtypes: dict[str, dict[str, int]] = {}
    for info in header.tensors.values():
        entry = dtypes.setdefault(info.dtype, {"tensors": 0, "bytes": 0})
        entry["tensors"] += 1
        entry["bytes"] += info.nbytes
    return {
        "file": str(header.path),
        "format": header.format,
        "size": header.size,
        "header_bytes": header.body,
        "dtypes": dtypes,
        "layers": summary(header),
        "metadata": dict(header.metadata),
        "tensors": {
            name: {"dtype": info.dtype, "shape": list(info.shape), "bytes": info.nbytes}
            for name, info in header.tensors.items()
        },
    }
