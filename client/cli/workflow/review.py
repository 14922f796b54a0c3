"""Workflows in words for people: what they take, problems found, and changes as a review."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ...errors import PackshotError
from ...workflow import PreparedWorkflow
from ...workflow.canvas.convert_file import Conversion
from ...workflow.problems import Problem
from ...workflow.release.bump import Release
from ...workflow.release.diff import Diff
from ...workflow.release.lock import Lock
from ...workflow.release.migrate import Replaced
from ..common import echo, say
from ..console import PrintableConsole

_COLOURS = {"major": "red", "minor": "yellow", "patch": "green", "none": "dim"}
_SHOWN = 5  # problems of a file in its line; --json has all
_SHORT = 200  # characters of a text that is shown in part
_LONGEST = 20_000  # characters of two texts that are compared line by line
_MOST_CHANGES = 200  # shown of one level
_LONG = 60  # characters of a text from which on it is shown line by line


def show_contract(prepared: PreparedWorkflow) -> None:
    """A table of a workflow's inputs."""
    flow = prepared.workflow
    table = Table(title=f"{flow.name}@{flow.version}" if flow.version else flow.name, title_justify="left")
    for heading in ("input", "type", "default", "range", "what it is for"):
        table.add_column(heading)
    for name, spec in prepared.contract.inputs.items():
        bounds = "" if spec.minimum is None and spec.maximum is None else f"{spec.minimum} to {spec.maximum}"
        table.add_row(name, spec.type, str(spec.default), bounds, spec.help)
    PrintableConsole().print(table)


def say_problems(conversion: Conversion) -> None:
    """One line for a file that could not be converted: slug, place and message of each problem, then what to do."""
    problems, file = conversion.problems, conversion.file
    if not problems:
        return
    shown = problems[:_SHOWN]
    lines = [f"[{problem.slug}] {_inside(file, problem)}{problem.message}" for problem in shown]
    lines += [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    remedies = "; ".join(dict.fromkeys(problem.remedy for problem in shown if problem.remedy))
    say(f"{file}: {'; '.join(lines)}" + (f" ({remedies})" if remedies else ""))


def _inside(file: Path, problem: PackshotError) -> str:
    """The place of a problem within its file."""
    place = problem.place.removeprefix(str(file)).removeprefix(", ")
    return f"{place}: " if place else ""


def show_problems(file: str, problems: Sequence[Problem]) -> None:
    """What is wrong with one file, a line each, and what to do below it."""
    console = PrintableConsole(soft_wrap=True)
    if not problems:
        console.print(f"[green]ok[/]  {escape(file)}")
        return
    console.print(f"[red]{len(problems)} problem{'s' if len(problems) > 1 else ''}[/]  {escape(file)}")
    for each in problems:
        node = f'"{each.title}" (node {each.node})' if each.title else f"node {each.node}" if each.node else ""
        where = ", ".join(filter(None, (node, f"input '{each.input}'" if each.input else "")))
        console.print(f"  [red]\\[{each.slug}][/] {escape(f'{where}: ' if where else '')}{escape(each.message)}")
        if each.remedy:
            console.print(f"      [cyan]→ {escape(each.remedy)}[/]")


def show_diff(before: str, after: str, found: Diff) -> None:
    """All changes between two versions, the weightiest first, and the level that they ask for."""
    console = PrintableConsole()
    colour = _COLOURS[found.level]
    console.print(f"{escape(before)} → {escape(after)}: [bold {colour}]{found.level}[/]", soft_wrap=True)
    for level in ("major", "minor", "patch"):
        changes = [change for change in found.changes if change.level == level]
        if not changes:
            continue
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0), title=level, title_justify="left")
        table.title_style = f"bold {_COLOURS[level]}"
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(ratio=1, overflow="fold")
        for change in changes[:_MOST_CHANGES]:
            table.add_row(change.what, Text(_shortened(change.where)))
            table.add_row("", _both(change.before, change.after))
        console.print(table)
        if len(changes) > _MOST_CHANGES:
            console.print(f"… and {len(changes) - _MOST_CHANGES:,} more; --json has all of them")


def show_release(release: Release) -> None:
    """What changed since the release before, and the new one's file."""
    name = f"{release.name}@{release.version}"
    if release.before:
        show_diff(f"{release.name}@{release.before}", name, release.changes)
    echo(f"released {name}: {release.path}")


def show_lock(file: Path, lock: Lock) -> None:
    """What was locked, and the models whose content nobody could tell."""
    echo(f"locked {lock.workflow}: {file}")
    if unknown := [model.file for model in lock.models if model.sha256 is None]:
        say(f"nothing tells the SHA-256 of {', '.join(unknown)}")


def show_replaced(file: str, done: Sequence[Replaced], written: bool) -> None:
    """Which nodes were replaced, and what became of their inputs."""
    console = PrintableConsole(soft_wrap=True)
    if not done:
        console.print(f"[green]nothing to replace[/]  {escape(file)}")
        return
    for each in done:
        console.print(f'"{escape(each.title)}" (node {each.node}): {escape(each.before)} → {escape(each.after)}')
        for old, new in each.renamed.items():
            console.print(f"    {escape(old)} is now {escape(new)}")
        for name, value in each.set.items():
            console.print(f"    {escape(name)} is set to {escape(_text(value))}")
        for name in each.lost:
            console.print(f"    [red]{escape(name)} has no place in the new node[/]")
    console.print(f"{'written' if written else 'not written; --write does it'}: {escape(file)}")


def _both(before: Any, after: Any) -> Text:
    """Before and after: on one line, or, where they are long, the lines that differ."""
    old, new = _text(before), _text(after)
    if max(len(old), len(new)) <= _LONG and "\n" not in old + new:
        parts = [Text(old, "red")] if before is not None else []
        parts += [Text(new, "green")] if after is not None else []
        return Text(" → ").join(parts)
    olds, news = (text.splitlines() if value is not None else [] for text, value in ((old, before), (new, after)))
    if len(old) + len(new) > _LONGEST:  # to compare line by line takes the square of their number
        lines = [f"- {_shortened(line)}" for line in olds[:1]] + [f"+ {_shortened(line)}" for line in news[:1]]
    else:
        lines = list(difflib.ndiff(olds, news))
    styles = {"-": "red", "+": "green"}
    return Text("\n").join(Text(line, styles[line[0]]) for line in lines if line[:1] in styles)


def _shortened(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}… ({len(text):,} characters)"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
