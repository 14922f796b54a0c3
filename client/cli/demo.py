"""``packshot demo``: from nothing to a brand's contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..catalog import demo as catalog_demo
from .catalog.show import finish, run_progress
from .common import JsonOption, command_name, echo, say


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("out/demo"), as_json: JsonOption = False
) -> None:
    """Install what is missing, start a host, and make the pictures of a small catalogue."""
    with run_progress() as shown:
        status = catalog_demo.demo(out, on_step=say, on_event=shown)
    finish(status, as_json)
    if not as_json:
        echo("")
        prompt = "a red mug on a white background"
        echo(f'next           {command_name()} run product-shot --set prompt="{prompt}" --set seed=7')
        echo(f"the host       stays up for it; {command_name()} host down ends it")
