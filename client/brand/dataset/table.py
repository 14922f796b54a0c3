"""The table of a data set: captions, parts, picture rights and people's consent, a row for each picture.

``metadata.csv`` or ``metadata.jsonl``, with the columns ``file_name`` and ``text`` of Hugging Face's image folders, and

* ``product``: what the pictures of one product share;
* ``split``: ``train`` or ``validation``, for all rows or for none;
* ``rights``: by which right the picture is used: ``own``, a licence, a contract's number;
* ``rights_until``: the last day of that right, as ``2027-12-31``; empty: no end;
* ``people``: ``yes`` if a person can be recognised, else ``no``;
* ``release``: where the consent of the people shown is filed.
"""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import InputInvalid
from .faults import Fault, Part, Row

TABLES = ("metadata.csv", "metadata.jsonl")
_LIMIT = 16 * 1024 * 1024  # bytes
_NO_RIGHT = {"", "none", "no", "unknown", "?", "n/a", "tbd"}
_COLUMNS = ("text", "product", "split", "rights", "rights_until", "people", "release")


def read_table(folder: Path) -> tuple[dict[str, Row] | None, list[Fault]]:
    """The rows of a folder's table by file name, and what is wrong with its structure; None: there is no table.

    Raises:
        InputInvalid: there are two tables, or the one cannot be read.
    """
    found = [folder / name for name in TABLES if (folder / name).is_file()]
    if not found:
        return None, []
    if len(found) > 1:
        raise InputInvalid("there are two tables (table-invalid)", place=str(folder), remedy="keep one of them")
    rows: dict[str, Row] = {}
    faults: list[Fault] = []
    for line, record in _records(found[0]):
        name = str(record.get("file_name") or "").strip().replace("\\", "/").removeprefix("./")
        if not name:
            raise _invalid(found[0], f"line {line}: no 'file_name'")
        if name in rows:
            faults.append(Fault("listed-twice", "the table lists it twice", "keep one row", name))
            continue
        values = {key: _text(record[key]) for key in _COLUMNS if key in record}
        split = values.pop("split", None)
        part: Part | None = "train" if split == "train" else "validation" if split == "validation" else None
        if split is not None and part is None:
            faults.append(Fault("split-invalid", f"its split is '{split}'", "write `train` or `validation`", name))
        rows[name] = Row(name, split=part, **values)
    return rows, faults


def _records(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        if file.stat().st_size > _LIMIT:
            raise _invalid(file, f"it has more than {_LIMIT:,} bytes")
        text = file.read_bytes().decode("utf-8-sig")
        if file.suffix == ".csv":
            yield from enumerate(csv.DictReader(text.splitlines(keepends=True), strict=True), 2)
            return
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise _invalid(file, f"line {number}: no JSON object")
                yield number, record
    except (OSError, ValueError, csv.Error, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise _invalid(file, str(error)) from error


def _text(value: Any) -> str:
    """A cell as text; JSON's true and false are ``yes`` and ``no``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value).strip()


def _invalid(file: Path, message: str) -> InputInvalid:
    return InputInvalid(
        f"the table cannot be read (table-invalid): {message}",
        place=str(file),
        remedy="save it as UTF-8, with a column `file_name`; docs/training.md shows one",
    )


def check_row(row: Row, today: datetime.date) -> list[Fault]:
    """What keeps a picture from being trained on: rights that are not there or over, people who were not asked."""
    faults = []
    if row.rights is not None and row.rights.lower() in _NO_RIGHT:
        faults.append(
            Fault("rights-missing", "no right to use it is stated", "fill in `rights`, or take it away", row.name)
        )
    if row.rights_until:
        try:
            until = datetime.date.fromisoformat(row.rights_until)
        except ValueError:
            faults.append(Fault("date-invalid", f"'{row.rights_until}' is no date", "write it as 2027-12-31", row.name))
        else:
            if until < today:
                faults.append(
                    Fault(
                        "rights-expired", f"the right to use it ended on {until}", "renew it, or take it away", row.name
                    )
                )
    people = row.people.lower() if row.people is not None else "no"
    if people not in ("yes", "no"):
        faults.append(
            Fault("people-unknown", "it is not said whether it shows people", "write `yes` or `no`", row.name)
        )
    elif people == "yes" and (row.release or "").lower() in _NO_RIGHT:
        faults.append(
            Fault(
                "release-missing",
                "it shows people, and no consent is filed",
                "fill in `release`, or take it away",
                row.name,
            )
        )
    return faults


def unstated(table: Mapping[str, Row] | None) -> list[Fault]:
    """What no table says of the whole set: rights, and people."""
    first = next(iter((table or {}).values()), None)
    faults = []
    for column, what in (("rights", "by which right the pictures are used"), ("people", "whether they show people")):
        if first is None or getattr(first, column) is None:
            message, remedy = f"nothing says {what}", f"add a table with a column `{column}`"
            faults.append(Fault(f"{column}-unstated", message, remedy, "", "warning"))
    return faults
