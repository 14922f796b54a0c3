"""``packshot workflow diff`` and ``bump``: what changed, and a release of it."""

from __future__ import annotations

import json
from enum import Enum
from typing import Annotated

import typer

from ...workflow.release.bump import bump_workflow
from ...workflow.release.diff import diff_workflows
from ..common import JsonOption, echo
from .options import SavedInfoOption, WorkflowArgument, saved_definitions
from .review import show_diff, show_release


def diff(
    before: Annotated[str, typer.Argument(help="The older version: name@version, or a file.")],
    after: Annotated[str, typer.Argument(help="The newer version.")],
    object_info: SavedInfoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what changed between two versions, by meaning: layout does not count."""
    changes = diff_workflows(before, after, saved_definitions(object_info))
    if as_json:
        echo(json.dumps(changes.as_dict(), ensure_ascii=False))
    else:
        show_diff(before, after, changes)


class LevelOption(str, Enum):
    """What a version is raised by."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


def bump(
    workflow: WorkflowArgument,
    level: Annotated[
        LevelOption | None, typer.Option(help="Raise the version by more than the changes ask for.")
    ] = None,
    object_info: SavedInfoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a workflow as it now is: the changes since the last release decide its version, and it is frozen."""
    release = bump_workflow(workflow, level.value if level else None, saved_definitions(object_info))
    if as_json:
        echo(json.dumps(release.as_dict(), ensure_ascii=False))
    else:
        show_release(release)
