"""Answers about files, of which there may be one or several."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer

from ..errors import PackshotError
from .common import echo

Answer = dict[str, Any]
_SOME_FAILED = 3


def look_into(file: Path, look: Callable[[Path], Answer], *, alone: bool) -> list[Answer]:
    """The answer about a file. One of several that is refused has its error in place of an answer."""
    try:
        return [look(file)]
    except PackshotError as error:
        if alone:
            raise
        return [{"file": str(file), "error": error.as_dict()}]


def print_answers(answers: Sequence[Answer], as_json: bool, show: Callable[[Answer], None], *, alone: bool) -> None:
    """Print one answer as it is and several as ``{"files": […]}``. Exits with 3 where a file was refused.

    Args:
        show: prints an answer for people.
        alone: whether one file was asked for.
    """
    if as_json:
        echo(json.dumps(answers[0] if alone else {"files": answers}, ensure_ascii=False))
    for answer in () if as_json else answers:
        echo(answer["file"])
        if "error" in answer:
            echo(f"  refused: {answer['error']['message']}; {answer['error']['remedy']}")
        else:
            show(answer)
    if any("error" in answer for answer in answers):
        raise typer.Exit(_SOME_FAILED)
