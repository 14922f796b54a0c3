"""What the commands for workflows share: which workflow, and whose node definitions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from ...workflow.canvas.definitions import ObjectInfo, read_object_info
from ..common import connect

WorkflowArgument = Annotated[
    str, typer.Argument(help="Name[@version] in the library, or a file saved from the canvas.")
]
ObjectInfoOption = Annotated[
    Path | None,
    typer.Option(help="Node definitions saved from a host (/object_info). By default the host is asked."),
]
SavedInfoOption = Annotated[
    Path | None,
    typer.Option("--object-info", help="Node definitions saved from a host (/object_info), to see what inputs take."),
]


@contextlib.contextmanager
def definitions(object_info: Path | None, host: str | None, header: list[str] | None) -> Iterator[ObjectInfo]:
    """Node definitions: from a file, or else from the host as long as the block lasts."""
    if object_info is not None:
        yield read_object_info(object_info)
        return
    with connect(host, header) as client:
        yield client.object_info


def saved_definitions(object_info: Path | None) -> ObjectInfo | None:
    """Node definitions from a file, where one is named."""
    return read_object_info(object_info) if object_info is not None else None
