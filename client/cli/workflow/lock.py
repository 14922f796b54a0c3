"""``packshot workflow lock``: what a release was made with."""

from __future__ import annotations

import json

from ...run.lock import lock_workflow
from ...workflow.versions import release_of
from ..common import HeaderOption, HostOption, JsonOption, connect, echo
from .options import WorkflowArgument
from .review import show_lock


def lock(
    workflow: WorkflowArgument,
    host: HostOption = None,
    header: HeaderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note what a host has of what a workflow runs on, beside its release: `run` refuses where that differs."""
    release = release_of(workflow)  # a name that does not exist is refused before a host is started
    with connect(host, header) as client:
        file, locked = lock_workflow(release, client)
    if as_json:
        echo(json.dumps({"file": str(file), **locked.model_dump()}, ensure_ascii=False))
    else:
        show_lock(file, locked)
