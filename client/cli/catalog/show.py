"""What ``packshot catalog`` shows to people."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from ...catalog.events import RunEvent, RunNotice, RunStarted
from ...catalog.ledger.records import HostState
from ...catalog.status import RunStatus
from ..common import echo, say
from ..console import PrintableConsole

_MOST = 20  # failures in a list; the manifest has all


class RunProgress:
    """A progress bar over a run's items, with what fails and what there is to tell above it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None  # until the run begins: there may be nothing to do

    def __call__(self, event: RunEvent) -> None:
        if isinstance(event, RunStarted):
            self._progress.start()
            self._task = self._progress.add_task("", total=event.rows, completed=event.settled)
        elif isinstance(event, RunNotice):
            self._line(event.message)
        elif self._task is not None:
            self._progress.update(self._task, advance=1, description=event.item_id)
            if event.error is not None:
                self._line(f"{event.item_id}: {event.error}")

    def _line(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def run_progress() -> Iterator[RunProgress]:
    """Show a run on standard error as long as the block lasts."""
    columns = (
        TextColumn("pictures"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    progress = Progress(*columns, console=PrintableConsole(stderr=True), redirect_stdout=False)
    try:
        yield RunProgress(progress)
    finally:
        progress.stop()


def finish(status: RunStatus, as_json: bool) -> None:
    """Say what a run made, and exit with 3 where something failed, with 130 where something is left to make."""
    if as_json:
        echo(json.dumps(status.as_dict()))
    else:
        show_result(status)
    if status.counts.failed or status.counts.quarantined:
        raise typer.Exit(3)
    if status.unfinished:
        raise typer.Exit(130)  # what a shell says of a program that Ctrl-C ended


def show_result(status: RunStatus) -> None:
    """Say what a run made and where it lies."""
    counts, folder = status.counts, status.folder
    echo(summary(status))
    echo(f"contact sheet  {status.report}")
    echo(f"pictures       {folder / 'pictures'}")
    echo(f"manifest       {folder / 'manifest.csv'}")
    for duty in status.duties:
        echo(f"licence        {duty}")
    if counts.quarantined:
        echo(f"kept out       {folder / 'quarantine'}")
    if counts.failed or counts.quarantined:
        echo(f"what failed    packshot catalog status {folder}")


def show_status(status: RunStatus, as_json: bool) -> None:
    """Say where a run stands, and what failed."""
    if as_json:
        echo(json.dumps({**status.counts.as_dict(), "damaged": len(status.damaged)}))
        return
    echo(summary(status))
    for picture in status.damaged[:_MOST]:
        echo(f"  {picture['item']}: {picture['file']} is {picture['what']}; run the catalogue again to make it anew")
    for item_id, error in list(status.failures.items())[:_MOST]:
        echo(f"  {item_id}: [{error['slug']}] {error['place']}: {error['message']}")
    if len(status.failures) > _MOST:
        echo(f"  and {len(status.failures) - _MOST} more: see {status.folder / 'manifest.csv'}")


def summary(status: RunStatus) -> str:
    """A run's counts in one line."""
    counts = status.counts
    parts = [f"{counts.done} of {counts.rows} pictures"]
    parts += [f"{counts.failed} failed"] if counts.failed else []
    parts += [f"{counts.quarantined} quarantined"] if counts.quarantined else []
    parts += [f"{counts.running + counts.pending} still to make"] if counts.running + counts.pending else []
    parts += [f"{counts.seconds_per_row:.1f} s each"] if counts.seconds_per_row is not None else []
    parts += [f"{len(status.damaged)} damaged"] if status.damaged else []
    parts += [f"{counts.extra_runs} made again after a loss"] if counts.extra_runs else []
    return ", ".join(parts)


def show_audit(answer: Mapping[str, Any], as_json: bool) -> None:
    """Say whether a run's folder is as its maker left it, and who that was."""
    if as_json:
        echo(json.dumps(answer))
        return
    for fault in answer["faults"]:
        echo(f"line {fault['line']}: {fault['message']}" if fault["line"] else fault["message"])
    if answer["ok"]:
        echo(f"{answer['lines']} lines, unbroken: {json.dumps(answer['events'])}")
        echo(f"{answer['pictures']} pictures are as they were accepted")
    signers = {
        "known": "by you, or with a key that you named",
        "unknown": "with a key that this machine does not know: ask its owner for it, and name it with --key",
        "unsigned": "by nobody: accidents are found, people who write a whole audit anew are not",
    }
    echo(f"signed {signers[answer['signer']]}")
    for key in answer["keys"]:
        echo(f"  {key}")
    if answer["keys"] and answer["unsealed"]:
        echo(f"the last {answer['unsealed']} lines have no signature: the run goes on, or was killed")


def show_pictures(answer: Mapping[str, Any], as_json: bool) -> None:
    """Say which pictures of a run are missing or damaged."""
    if as_json:
        echo(json.dumps(answer))
        return
    for picture in answer["damaged"]:
        echo(f"{picture['item']}: {picture['file']} is {picture['what']}")
    echo(f"{answer['checked']} pictures checked, {len(answer['damaged'])} damaged")


def show_hosts(hosts: list[HostState], as_json: bool) -> None:
    """Say what a run's hosts made and what went wrong with them."""
    if as_json:
        echo(json.dumps({"hosts": [asdict(host) for host in hosts]}))
        return
    for host in hosts:
        echo(f"{host.url}  {host.state if host.wanted else 'not wanted'}, {host.made} pictures")
        for fault in host.faults:
            echo(f"  {time.strftime('%F %T', time.localtime(fault['at']))}  {fault['reason']}")


def show_preview(preview: Mapping[str, Any], as_json: bool) -> None:
    """Say what would be made, which rows would not, and what it takes."""
    if as_json:
        echo(json.dumps(preview, ensure_ascii=False))
        return
    for item in preview["items"]:
        echo(f"{item['item_id']}  seed {item['seed']}  {item['inputs'].get('prompt', '')}")
    show_refused(preview["problems"])
    say(f"{len(preview['items'])} pictures would be made, {len(preview['problems'])} rows refused")
    seconds, disk = preview["expected_seconds"], preview["disk_bytes"]
    unknown = "not known: no run of this workflow was measured yet"
    expected = unknown if seconds is None else f"{_duration(seconds)} on {preview['hosts']} host(s)"
    say(f"time     {expected}")
    free = f"{preview['disk_free'] / 1e9:,.1f} GB free"
    say(f"disk     {unknown if disk is None else f'{disk / 1e9:,.2f} GB'} ({free})")
    say(f"licence  {preview['licence']['decision']}")


def show_inspected(answer: Mapping[str, Any], as_json: bool) -> None:
    """Say which dialect a table is in, what is read from which column, and what would be refused."""
    if as_json:
        echo(json.dumps(answer, ensure_ascii=False))
        return
    console = PrintableConsole(soft_wrap=True, markup=False, highlight=False)
    delimiter = {"\t": "tab", "": ""}.get(str(answer["delimiter"]), f"'{answer['delimiter']}'")
    form = ", ".join(filter(None, (str(answer["format"]), str(answer["encoding"]), delimiter)))
    console.print(f"{answer['table']}: dialect {answer['dialect']} ({form})")
    console.print(
        f"products {answer['products']}, variants {answer['variants']}, pictures to make {answer['pictures']}",
    )
    console.print(", ".join(f"{count} by {name}" for name, count in answer["workflows"].items()))
    for title, key in (("what is read", "mapping"), ("workflow input", "templates")):
        shown = Table(title, "from column" if key == "mapping" else "from template", box=None, pad_edge=False)
        for name, value in answer[key].items():
            shown.add_row(name, value)
        console.print(shown)
    show_notes(answer["notes"])
    show_refused(answer["refused"])
    asked = f", where {answer['host']} was asked for what its nodes take" if answer["host"] else ""
    say(f"rows refused: {len(answer['refused'])}{asked}")


def show_notes(notes: Iterable[str]) -> None:
    """Say what is odd about a table."""
    for note in notes:
        say(f"note: {note}")


def show_refused(problems: list[Mapping[str, str]]) -> None:
    """Say which rows are not made, and why."""
    for problem in problems:
        say(f"refused [{problem['slug']}] {problem['place']}: {problem['message']} → {problem['remedy']}")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min {rest:02} s"
