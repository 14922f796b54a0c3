"""The results of a catalogue run for people and programs: a contact sheet, and a manifest as CSV and as JSON lines.

The sheet is one HTML file that needs no network and no server. Everything in it that came from a table or a host is
escaped, and its content security policy lets no script run but its own.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import jinja2

from ..brand import BrandKit
from ..paths import atomic_write, write_text
from .thumbs import Preview, make_previews

Status = Literal["done", "failed", "quarantined", "pending"]
_STATUSES: tuple[Status, ...] = ("done", "failed", "quarantined", "pending")
_PAGE = 2000  # cards a page; more make a browser slow
# What a spreadsheet may take for a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a run.

    Attributes:
        item_id, sku, variant, title: as in :class:`~.plan.Item`.
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


def write_report(out: Path, run: RunInfo, entries: Iterable[Entry]) -> Path:
    """Write ``out/index.html``, and ``index-2.html`` and so on beyond 2,000 items, with thumbnails in ``out/thumbs``.

    Returns:
        The path of ``index.html``.

    Raises:
        OutputUnwritable: the folder or the disk refuses.
    """
    everything = list(entries)
    previews = make_previews(out, ((entry.file, entry.sha256) for entry in everything if entry.file))
    script, style = _source("report.js"), _source("report.css")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # facts stay in the order in which they are read
    template = environment.from_string(_source("report.html"))
    starts = range(0, max(len(everything), 1), _PAGE)
    pages = [f"index-{number}.html" if number > 1 else "index.html" for number in range(1, len(starts) + 1)]
    for page, start in zip(pages, starts, strict=True):
        here = everything[start : start + _PAGE]
        html = template.render(
            run=run,
            totals=_counts(everything),
            counts=_counts(here),
            items=[_card(entry, previews.get(entry.file)) for entry in here],
            page=page,
            pages=pages,
            script=script,
            style=style,
            script_hash=_csp_hash(script),
            style_hash=_csp_hash(style),
        )
        write_text(out / page, html)
    return out / pages[0]


def write_manifests(out: Path, entries: Iterable[Entry]) -> tuple[Path, Path]:
    """Write ``out/manifest.csv`` for spreadsheets and ``out/manifest.jsonl`` for programs, both UTF-8, one item a line.

    In the CSV, inputs, error and problems are JSON, and a cell that a spreadsheet could take for a formula begins with
    an apostrophe; the JSON lines hold every value as it is.

    Returns:
        The paths of both.

    Raises:
        OutputUnwritable: the folder or the disk refuses; the older files are still there.
    """
    table, lines = out / "manifest.csv", out / "manifest.jsonl"
    columns = [field.name for field in fields(Entry)]
    with atomic_write(table) as csv_file, atomic_write(lines) as jsonl_file:
        text = io.TextIOWrapper(csv_file, encoding="utf-8", newline="")
        writer = csv.writer(text)  # with CRLF: told to end lines with LF, it would leave a bare CR in a cell unquoted
        writer.writerow(columns)
        for entry in entries:
            record = asdict(entry)
            writer.writerow([_cell(record[column]) for column in columns])
            jsonl_file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
        text.flush()
        text.detach()
    return table, lines


def _counts(entries: Sequence[Entry]) -> dict[Status, int]:
    counted = Counter(entry.status for entry in entries)
    return {status: counted[status] for status in _STATUSES if counted[status]}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _card(entry: Entry, preview: Preview | None) -> dict[str, Any]:
    """What the page shows of one item; the script reads the same object for the large view."""
    inputs = dict(entry.inputs)
    prompt, negative = str(inputs.pop("prompt", "")), str(inputs.pop("negative", ""))
    inputs.pop("seed", None)
    facts = {
        "Seed": str(entry.seed),
        **{name.replace("_", " ").capitalize(): str(value) for name, value in inputs.items()},
        "Picture": f"{preview.width} × {preview.height} px" if preview and preview.width else "",
        "Time": f"{entry.seconds:.1f} s" if entry.seconds is not None else "",
        "Attempts": str(entry.attempts) if entry.attempts else "",
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
        "file": quote(entry.file),
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
    }


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
