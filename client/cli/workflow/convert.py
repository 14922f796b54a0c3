"""``packshot workflow convert``: from the canvas's format to the API's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ...workflow.canvas.convert_file import api_files, convert_workflow
from ..common import HeaderOption, HostOption, JsonOption, echo
from .options import ObjectInfoOption, definitions
from .review import say_problems


def convert(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Workflows saved from the canvas.")],
    out_dir: Annotated[Path, typer.Option(help="Folder for the API files, which keep the names of the workflows.")],
    object_info: ObjectInfoOption = None,
    host: HostOption = None,
    header: HeaderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Convert workflows from the canvas's format to the API's, as the canvas itself would submit them.

    A line on standard error says what is wrong with a file; the others are converted all the same, and the exit code
    is 3. With --json there is a line on standard output for each file.
    """
    outs, failed = api_files(files, out_dir), False
    with definitions(object_info, host, header) as info:
        for file, out in outs.items():
            conversion = convert_workflow(file, out, info)
            failed |= bool(conversion.problems)
            say_problems(conversion)
            if as_json:
                echo(json.dumps(conversion.as_dict(), ensure_ascii=False))
    if failed:
        raise typer.Exit(3)
