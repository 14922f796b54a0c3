"""Summaries of many LoRA files: names and shapes that were seen before are not looked into again.

In a safetensors header the metadata usually come first, and the rest describes the tensors. Two files whose rest is the
same, byte for byte, over as many bytes of tensors, have the same layers; only their metadata differ.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from ...models.files.adapters import stated_alpha
from ...models.files.detect import Detection, detect
from ...models.files.detect_claims import claim
from ...models.files.header import Header, read_header
from .report import summarise

_BEGIN = '{"__metadata__":'
_LONGEST = 1 << 20  # bytes of a header that is taken apart here; longer ones go the careful way
_KEPT = 4096  # headers kept in memory


class SummaryReader:
    """Makes summaries, and remembers the headers that it has seen."""

    def __init__(self) -> None:
        self._seen: dict[tuple[object, ...], tuple[Header, Detection]] = {}

    def summary(self, path: Path) -> dict[str, Any]:
        """As :func:`~.report.summarise`.

        Raises:
            ModelMissing, ModelCorrupt, InputInvalid: as there.
        """
        parts = _taken_apart(path)
        if parts is None:
            return summarise(read_header(path))
        metadata, rest, size, body = parts
        said = claim(metadata)  # of all metadata, what the detection looks at
        key = (rest, size - body, said)
        known = self._seen.get(key)
        if known is None:
            header = read_header(path)
            found = detect(header)
            if len(self._seen) < _KEPT:
                self._seen[key] = header, found
            return summarise(header, found)
        header, found = known
        if found.lora is not None:
            found = dataclasses.replace(found, lora=dataclasses.replace(found.lora, alpha=stated_alpha(metadata)))
        return summarise(dataclasses.replace(header, path=path, size=size, body=body, metadata=metadata), found)


def _taken_apart(path: Path) -> tuple[dict[str, str], bytes, int, int] | None:
    """Metadata, hash of the rest of the header, size, and offset of the body; None for a file that is not as usual."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(_LONGEST, size - 8):
                return None
            text = file.read(length).decode()
    except (OSError, ValueError):
        return None
    if not text.startswith(_BEGIN):
        return None
    try:
        metadata, end = _DECODER.raw_decode(text, len(_BEGIN))
    except (ValueError, RecursionError):
        return None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        return None
    rest = hashlib.blake2b(text[end:].encode(), digest_size=16).digest()
    return metadata, rest, size, 8 + length


_DECODER = json.JSONDecoder()
