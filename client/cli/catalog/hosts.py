"""``packshot catalog hosts``: which hosts a run has."""

from __future__ import annotations

from typing import Annotated

import typer

from ...catalog.host_list import list_hosts
from ..common import JsonOption
from .folder import Folder
from .show import show_hosts


def hosts(
    folder: Folder,
    add: Annotated[list[str] | None, typer.Option(help="Address of a host that a run should use from now on.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="Address of a host that it should leave.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The hosts of a run, what they made and what went wrong with them; add and remove some while it runs."""
    listed = list_hosts(folder, add or (), remove or ())
    show_hosts(listed, as_json)
