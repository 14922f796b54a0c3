"""What a picture says of itself, whoever wrote it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..compose.photograph import read_photograph
from ..errors import InputInvalid
from ..paths import config_dir
from .manifest import ManifestReport, read_manifest
from .marking import meaning
from .xmp import Read, read_xmp

_GRAPHS = ("prompt", "workflow")  # the keywords under which ComfyUI writes a graph into a PNG


@dataclass(frozen=True, slots=True)
class Account:
    """What a picture says of itself.

    Attributes:
        statement: from its XMP; None where it has none or none that can be read.
        manifest: from C2PA's validator.
        graph: keywords of ComfyUI's graph, where that was left in the file.
        problems: in sentences: what does not hold or does not agree.
    """

    file: str
    sha256: str
    format: str
    width: int
    height: int
    statement: Read | None
    manifest: ManifestReport
    graph: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def source_type(self) -> str:
        """IPTC's digital source type: the signed one, else that of the XMP; empty where it says none."""
        return self.manifest.source_type or (self.statement.source_type if self.statement else "")

    def as_dict(self) -> dict[str, Any]:
        """The answer of ``packshot verify --json``, less what a run says."""
        said, manifest = self.statement or Read(), self.manifest
        return {
            "file": self.file,
            "sha256": self.sha256,
            "format": self.format,
            "width": self.width,
            "height": self.height,
            "digital_source_type": self.source_type,
            "meaning": meaning(self.source_type),
            "title": said.title,
            "rights": said.rights,
            "creator": said.creator,
            "tool": said.tool,
            "recipe": dict(said.recipe),
            "manifest": {
                "state": manifest.state,
                "signer": manifest.signer,
                "test_certificate": manifest.test,
                "trust": manifest.trust,
                "actions": list(manifest.actions),
                "ingredients": list(manifest.ingredients),
                "problems": list(manifest.problems),
            },
            "graph": list(self.graph),
            "problems": list(self.problems),
        }


def read_account(path: Path) -> Account:
    """What a file says of itself.

    Raises:
        PhotographInvalid: it is no picture that can be looked at.
    """
    photograph = read_photograph(path)
    data = path.read_bytes()
    problems = []
    statement = None
    try:
        statement = read_xmp(photograph.xmp) if photograph.xmp else None
    except InputInvalid as error:
        problems.append(error.message)
    manifest = read_manifest(data, photograph.record.format)
    if manifest.state == "invalid":
        problems.append(f"the C2PA manifest does not hold: {', '.join(manifest.problems)}")
    if manifest.holds and manifest.trust == "unknown":
        problems.append(
            f"the signer calls itself '{manifest.signer}' and is unknown: put a certificate that you trust into"
            f" {config_dir() / 'c2pa' / 'trusted'}"
        )
    if statement and manifest.source_type and statement.source_type != manifest.source_type:
        problems.append("XMP and C2PA manifest state different digital source types")
    return Account(
        file=str(path),
        sha256=hashlib.sha256(data).hexdigest(),
        format=photograph.record.format,
        width=photograph.record.width,
        height=photograph.record.height,
        statement=statement,
        manifest=manifest,
        graph=tuple(key for key in _GRAPHS if key in photograph.texts),
        problems=tuple(problems),
    )
