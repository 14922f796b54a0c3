"""``packshot workflow check``: all that is wrong with workflows."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ...workflow.check import check_workflow
from ..common import HeaderOption, HostOption, JsonOption, echo
from .options import ObjectInfoOption, definitions
from .review import show_problems


def check(
    workflows: Annotated[list[str], typer.Argument(metavar="WORKFLOW…", help="Names in the library, or files.")],
    object_info: ObjectInfoOption = None,
    host: HostOption = None,
    header: HeaderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say all that is wrong with workflows at once: nodes, models, values, links, inputs, App Mode, releases.

    The exit code is 2 where anything is wrong.
    """
    with definitions(object_info, host, header) as info:
        checked = [(name, check_workflow(name, info)) for name in workflows]
    wrong = any(problems for _, problems in checked)
    if as_json:
        listed = [{"file": name, **problem.as_dict()} for name, problems in checked for problem in problems]
        echo(json.dumps({"ok": not wrong, "problems": listed}, ensure_ascii=False))
    else:
        for name, problems in checked:
            show_problems(name, problems)
    if wrong:
        raise typer.Exit(2)
