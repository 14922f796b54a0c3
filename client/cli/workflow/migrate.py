"""``packshot workflow migrate``: nodes that a host no longer has, and those that take their place."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ...workflow import Workflow
from ...workflow.release.migrate import migrate_workflow
from ..common import HeaderOption, HostOption, JsonOption, connect, echo
from .options import WorkflowArgument
from .review import show_replaced


def migrate(
    workflow: WorkflowArgument,
    write: Annotated[
        bool, typer.Option("--write", help="Write the file; without it, only say what would change.")
    ] = False,
    host: HostOption = None,
    header: HeaderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace the nodes that the host no longer has, where it names others that take their place."""
    loaded = Workflow.load(workflow)
    with connect(host, header) as client:
        replaced = migrate_workflow(loaded, client.api.node_replacements(), client.object_info, write=write)
    if as_json:
        changes = [change.as_dict() for change in replaced]
        answer = {"file": loaded.place, "written": write and bool(replaced), "replaced": changes}
        echo(json.dumps(answer, ensure_ascii=False))
    else:
        show_replaced(loaded.place, replaced, write)
