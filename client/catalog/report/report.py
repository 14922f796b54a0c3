"""The results of a catalogue run for people and programs: a contact sheet, and a manifest.

The sheet is a folder of HTML files that needs no network and no server. Everything in it that came from a table or a
host is escaped, and its content security policy lets no script run but its own and the index beside it. ComfyUI serves
it without any script: there the pictures are links, and what filters and enlarges is hidden.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import jinja2

from ...brand import BrandKit
from ...paths import atomic_write, leads_down, write_text, writing
from ...secrets import inert_cell
from ...units import gib
from .thumbnails import Preview, Previews

Status = Literal["done", "failed", "quarantined", "pending"]
_STATUSES: tuple[Status, ...] = ("done", "failed", "quarantined", "pending")
_PAGE = 500  # cards a page; more make a browser slow
_INDEX = "report-index.js"


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a run.

    Attributes:
        item_id, sku, variant, title: as in :class:`~..planning.items.Item`.
        status: "quarantined" is a picture that was made but not accepted.
        file: the picture, relative to the run's folder, with forward slashes; empty where there is none.
        sha256: of the file, in hex; empty where there is none.
        seed: as it was submitted.
        inputs: workflow input -> value as it was submitted.
        workflow: name and version, as in ``product-shot@1.0.0``.
        brand: the brand kit's name; empty without one.
        host: the address of the host that made it.
        prompt_id: the job's id on that host.
        seconds: from submit to the bytes; None where nothing was made.
        attempts: how often it was submitted.
        error: slug, message, place and remedy of why it failed.
        problems: what was wrong with its row, or with the picture.
        checks: what each check said of the picture, as ``packshot check --json`` has it; empty where none ran.
        axes: angle, locale, channel and so on, where the plan has several pictures of one product.
        record: what the job's record holds besides: node timings, memory, whatever nodes report.
        tried: earlier attempts, oldest first: outcome, reason, host, seconds, change, and file where one was kept.
    """

    item_id: str
    sku: str
    variant: str
    title: str
    status: Status
    file: str
    sha256: str
    seed: int
    inputs: Mapping[str, Any]
    workflow: str
    brand: str
    host: str
    prompt_id: str
    seconds: float | None
    attempts: int
    error: Mapping[str, str] | None
    problems: Sequence[str]
    checks: Sequence[Mapping[str, Any]] = ()
    axes: Mapping[str, str] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    tried: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What the head of the sheet says of a run.

    Attributes:
        kit: the brand, if any.
        table: name of the product table.
        workflow: name and version.
        base_seed: what the seeds were derived from.
        made: when the run ended, with its time zone.
    """

    kit: BrandKit | None
    table: str
    workflow: str
    base_seed: int
    made: datetime


def write_report(
    out: Path, run: RunInfo, entries: Callable[[], Iterable[Entry]], *, pictures: Path | None = None
) -> Path:
    """Write ``out/index.html``, and ``index-2.html`` and so on beyond 500 items, with thumbnails in ``out/thumbs``.

    No more than a page is in memory at once. A run of several pages has ``report-index.js`` beside them, which a page
    loads when somebody searches, and which knows every item of the run.

    Args:
        entries: gives the items, each time that it is called.
        pictures: the run's folder, where that is another one than ``out``.

    Returns:
        The path of ``index.html``.

    Raises:
        OutputUnwritable: the folder or the disk refuses.
    """
    totals = _counts(entries())
    total = sum(totals.values())
    script, style = _source("report.js"), _source("report.css")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # facts stay in the order in which they are read
    template = environment.from_string(_source("report.html"))
    count = max(-(-total // _PAGE), 1)
    pages = [f"index-{number}.html" if number > 1 else "index.html" for number in range(1, count + 1)]
    previews = Previews(out, pictures or out)
    base = "" if pictures is None else f"{Path(os.path.relpath(pictures.resolve(), out.resolve())).as_posix()}/"
    iterator = iter(entries())
    with _index(out, wanted=count > 1) as index:
        for number, page in enumerate(pages):
            here = list(itertools.islice(iterator, _PAGE))
            made = previews.make([*_pictures(here)])
            html = template.render(
                run=run,
                totals=totals,
                total=total,
                items=[_card(entry, made, base) for entry in here],
                base=quote(base),
                page=page,
                pages=pages,
                number=number,
                script=script,
                style=style,
                script_hash=_csp_hash(script),
                style_hash=_csp_hash(style),
            )
            write_text(out / page, html)
            for entry in here:
                index(number, entry)
    previews.remove_unused()
    return out / pages[0]


@contextmanager
def _index(out: Path, *, wanted: bool) -> Iterator[Callable[[int, Entry], None]]:
    """What every page can search: a script that is loaded when it is needed, as a page from disk may not fetch data."""
    path = out / _INDEX
    if not wanted:
        with writing(path):
            path.unlink(missing_ok=True)
        yield lambda _number, _entry: None
        return
    with atomic_write(path) as file:
        file.write(b"packshotIndex([\n")

        def add(number: int, entry: Entry) -> None:
            row = [
                number, entry.item_id, entry.title, entry.sku, entry.status, _brand_score(entry), entry.seconds,
                entry.error["slug"] if entry.error else "", entry.variant, str(entry.inputs.get("prompt", "")),
            ]  # fmt: skip
            file.write(json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode() + b",\n")

        yield add
        file.write(b"])")


def _pictures(entries: Iterable[Entry]) -> Iterator[tuple[str, str]]:
    """File and hash of every picture that a page shows: those that were accepted, and those that were not."""
    for entry in entries:
        if entry.file:
            yield entry.file, entry.sha256
        yield from ((str(one["file"]), str(one["sha256"])) for one in entry.tried if one.get("file"))


def _brand_score(entry: Entry) -> float | None:
    """How much of the picture is in the brand's palette, from 0 to 1; None where that was not measured."""
    values = (check["value"] for check in entry.checks if check["id"] == "palette.coverage")
    return next((float(value) for value in values if value is not None), None)


def write_manifests(out: Path, entries: Iterable[Entry]) -> list[Path]:
    """Write ``out/manifest.csv`` for spreadsheets, ``out/manifest.jsonl`` for programs, one item a line, in UTF-8, and
    ``out/manifest.parquet`` where pyarrow is installed.

    In CSV and Parquet what is nested is JSON. A cell of the CSV that a spreadsheet could take for a formula begins with
    an apostrophe; the others hold every value as it is.

    Returns:
        The paths of all.

    Raises:
        OutputUnwritable: the folder or the disk refuses; the older files are still there.
    """
    paths = [out / "manifest.csv", out / "manifest.jsonl"]
    columns = [one.name for one in fields(Entry)]
    with ExitStack() as stack:
        csv_file, jsonl_file = (stack.enter_context(atomic_write(path)) for path in paths)
        text = io.TextIOWrapper(csv_file, encoding="utf-8", newline="")
        writer = csv.writer(text)  # with CRLF: told to end lines with LF, it would leave a bare CR in a cell unquoted
        writer.writerow(columns)
        parquet = None
        if find_spec("pyarrow") is not None:
            from .parquet import ParquetManifest

            paths.append(out / "manifest.parquet")
            parquet = ParquetManifest(stack.enter_context(atomic_write(paths[-1])), columns)
            stack.callback(parquet.close)
        for entry in entries:
            record = asdict(entry)
            writer.writerow([_cell(record[column]) for column in columns])
            jsonl_file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
            if parquet is not None:
                parquet.add(record)
        text.flush()
        text.detach()
    return paths


def _counts(entries: Iterable[Entry]) -> dict[Status, int]:
    counted = Counter(entry.status for entry in entries)
    return {status: counted[status] for status in _STATUSES if counted[status]}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return inert_cell(text)


def _card(entry: Entry, previews: Mapping[str, Preview], base: str) -> dict[str, Any]:
    """What the page shows of one item; the script reads the same object for the large view."""
    preview = previews.get(entry.file)
    inputs = dict(entry.inputs)
    prompt, negative = str(inputs.pop("prompt", "")), str(inputs.pop("negative", ""))
    inputs.pop("seed", None)
    facts = {
        "Seed": str(entry.seed),
        **{name.replace("_", " ").capitalize(): str(value) for name, value in inputs.items()},
        "Picture": f"{preview.width} × {preview.height} px" if preview and preview.width else "",
        "Time": f"{entry.seconds:.1f} s" if entry.seconds is not None else "",
        "Attempts": str(entry.attempts) if entry.attempts else "",
        **{name.capitalize(): value for name, value in entry.axes.items()},
        **_reported(entry.record),
        "Workflow": entry.workflow,
        "Host": entry.host,
        "Job": entry.prompt_id,
        "SHA-256": entry.sha256,
    }
    return {
        "id": entry.item_id,
        "sku": entry.sku,
        "variant": entry.variant,
        "title": entry.title,
        "status": entry.status,
        "file": _address(entry.file, base),
        "name": entry.file.rpartition("/")[2],
        "thumb": preview.thumb if preview else "",
        "width": preview.width if preview else 0,
        "height": preview.height if preview else 0,
        "note": preview.note if preview else "",
        "prompt": prompt,
        "negative": negative,
        "facts": {name: value for name, value in facts.items() if value},
        "error": dict(entry.error) if entry.error else None,
        "problems": list(entry.problems),
        "checks": [_score(check) for check in entry.checks],
        "score": _brand_score(entry),
        "seconds": entry.seconds,
        "tried": [_attempt(one, previews, base) for one in entry.tried],
    }


def _reported(record: Mapping[str, Any]) -> dict[str, str]:
    """What a job's record holds besides, as facts: a line for each value, named by its path."""
    facts: dict[str, str] = {}
    for name, value in record.items():
        if name == "memory" and isinstance(value, list | tuple):
            phases = [phase for phase in value if isinstance(phase, Mapping)]
            for number, phase in enumerate(phases):
                label = str(phase.get("phase") or number + 1)
                again = sum(label == str(before.get("phase")) for before in phases[:number])
                facts[f"Memory: {label}{f' {again + 1}' if again else ''}"] = _took(phase)
        elif name == "timings" and isinstance(value, Mapping):
            slowest = sorted(value.items(), key=lambda pair: -pair[1])[:3]
            facts["Slowest nodes"] = ", ".join(f"{node} {seconds:.1f} s" for node, seconds in slowest)
        elif isinstance(value, Mapping):
            facts |= {f"{name} {inner}": rest for inner, rest in _reported(value).items()}
        elif isinstance(value, list | tuple) and all(isinstance(one, Mapping) for one in value):
            for number, one in enumerate(value, 1):
                label = str(one.get("phase") or one.get("name") or number)
                rest = [f"{key} {part}" for key, part in one.items() if key not in ("phase", "name")]
                facts[f"{name.capitalize()}: {label}"] = ", ".join(rest)[:500]
        elif value not in (None, "", [], ()):
            facts[name.replace("_", " ").capitalize()] = str(value)[:500]
    return facts


def _took(phase: Mapping[str, Any]) -> str:
    """What one phase took of memory; its fields are those of the node pack's ``Phase``, sizes in bytes."""
    sizes = {name: size for name in ("peak", "resident", "weights") if isinstance(size := phase.get(name), int | float)}
    parts = [f"peak {gib(sizes['peak'])}"] if sizes.get("peak") else []
    if sizes.get("weights") and "resident" in sizes:
        parts.append(f"{gib(sizes['resident'])} of {gib(sizes['weights'])} of weights resident")
    parts += [str(phase[name]) for name in ("policy", "patches") if phase.get(name)]
    parts += [f"step down: {step}" for step in phase.get("steps") or ()]
    return ", ".join([*parts, *map(str, phase.get("notes") or ())])


def _attempt(attempt: Mapping[str, Any], previews: Mapping[str, Preview], base: str) -> dict[str, Any]:
    """An earlier attempt as the page shows it, beside what was accepted in the end."""
    preview = previews.get(str(attempt.get("file", "")))
    gone = "its picture was not kept" if attempt.get("sha256") and not attempt.get("file") else ""
    return {
        "outcome": attempt["outcome"],
        "reason": attempt["reason"],
        "host": attempt["host"],
        "file": _address(str(attempt.get("file", "")), base),
        "thumb": preview.thumb if preview else "",
        "note": preview.note if preview else gone,
    }


def _address(file: str, base: str) -> str:
    """The address of a picture as the page links to it; empty where the ledger names a file outside of the folder.

    Args:
        base: the way from the page to the run's folder, empty or with a slash at its end.
    """
    return quote(f"{base}{file}") if file and leads_down(file) else ""


def _score(check: Mapping[str, Any]) -> dict[str, Any]:
    """A check as the page shows it: its id, what was measured, what is allowed, and the reason it failed."""
    value, limit = check["value"], check["limit"]
    shown = "–" if value is None else f"{value:.4g}" if isinstance(value, float) else f"{value}"
    bounds = [f"≥ {limit['min']:,g}"] if "min" in limit else []
    bounds += [f"≤ {limit['max']:,g}"] if "max" in limit else []
    bounds += [", ".join(limit["any_of"])] if "any_of" in limit else []
    bounds += [limit["pattern"]] if "pattern" in limit else []
    return {
        "id": check["id"],
        "value": f"{shown} {check['unit']}".rstrip(),
        "limit": ", ".join(bounds),
        "reason": check["reason"],
    }


def _source(name: str) -> str:
    return (Path(__file__).parent / name).read_text("utf-8")


def _csp_hash(text: str) -> str:
    """The hash by which a content security policy allows one inline script or style (W3C CSP 3, 2.3.1)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
