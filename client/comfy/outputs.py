"""A finished job's outputs, brought from the host to disk."""

from __future__ import annotations

import contextlib
import hashlib
import mimetypes
import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import OutputDamaged, OutputMissing
from ..paths import atomic_write
from .http import HostApi
from .media import family_of_name, prove, saved_family
from .protocol import Graph, HostFile, HostText

_MOST_PICTURE = 1 << 30  # bytes; 16,384 x 16,384 pixels of noise have 0.8 GB
_MOST = 10_000  # outputs of a job; a long video as single frames has a few thousand


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a job.

    Attributes:
        name: the workflow's name for it; the node's id where the workflow names none.
        kind: ``image``, ``video``, ``audio``, ``text`` or ``file``.
        file: where it lies on this machine.
        sha256: of the file's bytes, in hexadecimal.
        reused: the host had the result from an earlier job and did not make it again.
    """

    name: str
    kind: str
    file: Path
    sha256: str
    reused: bool

    def read(self) -> bytes:
        """The file's bytes."""
        return self.file.read_bytes()

    def as_dict(self) -> dict[str, object]:
        """The output as ``packshot run --json`` prints it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "file": str(self.file),
            "sha256": self.sha256,
            "reused": self.reused,
        }


def select(found: Sequence[HostFile | HostText], wanted: Mapping[str, str]) -> list[tuple[str, HostFile | HostText]]:
    """Name the outputs that a workflow promises, in its order; all of them when it promises none.

    Files in the host's ``temp`` folder (previews on the canvas) count only where they are named, or alone.

    Raises:
        OutputMissing: an output that the workflow promises is not among them.
    """
    if not wanted:
        kept = [item for item in found if not (isinstance(item, HostFile) and item.folder == "temp")]
        return [(item.node, item) for item in kept or found]
    named = [(name, item) for name, node in wanted.items() for item in found if item.node == node]
    missing = [name for name in wanted if name not in {name for name, _ in named}]
    if missing:
        raise OutputMissing(
            f"the job succeeded, but gave no output '{missing[0]}'",
            place=f"node {wanted[missing[0]]}",
            remedy="open the workflow on the canvas and see what that node gives",
        )
    return named


def fetch(
    api: HostApi,
    items: Sequence[tuple[str, HostFile | HostText]],
    folder: Path,
    stem: str,
    cached: frozenset[str],
    durable: bool,
    graph: Graph,
) -> list[Output]:
    """Stream outputs into ``folder`` as ``stem.ext``, ``stem-2.ext`` and so on, never a half-written one.

    Args:
        graph: that was submitted: its nodes tell which kinds of files they save.

    Raises:
        OutputMissing: the host no longer has a file that its record names.
        OutputDamaged: a file is of another kind than its node saves or its name says, or there are far too many.
        OutputUnwritable: the folder or the disk refuses.
    """
    if len(items) > _MOST:
        raise OutputDamaged(
            f"the host's record names {len(items):,} outputs, and at most {_MOST:,} are fetched",
            place=api.url,
            remedy="have the workflow save less, such as a video in place of its frames",
        )
    outputs: list[Output] = []
    for number, (name, item) in enumerate(items, 1):
        suffix = (safe_suffix(item.filename) or ".bin") if isinstance(item, HostFile) else ".txt"
        target = folder / f"{stem}{f'-{number}' if number > 1 else ''}{suffix}"
        digest = hashlib.sha256()
        content = _content(api, item, saved_family(graph, item.node))
        with atomic_write(target, durable=durable) as file, contextlib.closing(content) as chunks:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        outputs.append(Output(name, _kind(target), target, digest.hexdigest(), item.node in cached))
    return outputs


def _content(api: HostApi, item: HostFile | HostText, saves: str | None) -> Generator[bytes, None, None]:
    if isinstance(item, HostText):
        if saves is not None:
            raise OutputDamaged(
                "the node saves files, and the host gives a text",
                place=f"node {item.node} on {api.url}",
                remedy="see what runs on the host, and run the job again",
            )
        yield item.text.encode(errors="replace")  # JSON may carry halves of characters, which UTF-8 cannot
        return
    suffix = safe_suffix(item.filename)
    most_bytes = _MOST_PICTURE if "image" in (saves, family_of_name(suffix)) else None
    chunks = api.view(item.filename, item.subfolder, item.folder, most_bytes)
    if chunks is None:
        raise OutputMissing(f"the host no longer has '{item.filename}'", place=api.url, remedy="run the job again")
    yield from prove(chunks, suffix, saves, f"'{item.filename[:80]}' of {api.url}")


def safe_suffix(filename: str) -> str:
    """A file name's extension in lower case, with its dot, if it is a plain one; the rest of a name is not trusted."""
    suffix = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,16}", suffix) else ""


def _kind(path: Path) -> str:
    family = (mimetypes.guess_type(path.name)[0] or "").partition("/")[0]
    return family if family in ("image", "video", "audio", "text") else "file"
