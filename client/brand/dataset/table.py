"""The table of a data set: captions, parts, picture rights and people's consent, a row for each picture.

``metadata.csv``, ``.tsv`` or ``.jsonl``, with the columns ``file_name`` and ``text`` of Hugging Face's image folders,
or ``metadata.json`` as kohya's scripts write it: an object by file name. Cells of a CSV file may be parted by commas,
semicolons or tabs. Beside the caption it may hold

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
import io
import json
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ...errors import InputInvalid
from .encoding import decode_text
from .faults import Fault, Part, Row

TABLES = ("metadata.csv", "metadata.tsv", "metadata.jsonl", "metadata.json")
_OTHER_TABLES = {".parquet": "Parquet", ".xlsx": "Excel", ".xls": "Excel", ".ods": "OpenDocument", ".arrow": "Arrow"}
_LIMIT = 16 * 1024 * 1024  # bytes
_NO_RIGHT = {"", "none", "no", "unknown", "?", "n/a", "tbd"}
_COLUMNS = ("text", "product", "split", "rights", "rights_until", "people", "release")
# What other trainers and tools call the two columns, the nearest name first.
_SYNONYMS = {
    "file_name": ("filename", "file", "image", "image_path", "image_file", "path", "file_path", "filepath"),
    "text": ("caption", "prompt", "captions", "tags"),
}
_DELIMITERS = ",;\t|"


def read_table(folder: Path, pictures: Collection[str]) -> tuple[dict[str, Row] | None, list[Fault]]:
    """Read a folder's table.

    Args:
        pictures: names of the pictures, which rows are matched with: exactly, else without regard to capitals or by a
            name without a suffix, as kohya's scripts write it.

    Returns:
        The rows by the picture's name, or by their own where no picture has it; and what is wrong with the table's
        structure. None: there is no table.

    Raises:
        InputInvalid: there are two tables, or the one cannot be read.
    """
    file = _table_file(folder)
    if file is None:
        return None, []
    names = _PictureNames(folder, pictures)
    rows: dict[str, Row] = {}
    faults: list[Fault] = []
    for line, cells in _records(file):
        record = _canonical(cells)
        name = names.match(_cell(file, line, record.get("file_name")))
        if not name:
            raise _invalid(file, f"line {line}: no 'file_name'")
        if name in rows:
            faults.append(Fault("listed-twice", "the table lists it twice", "keep one row", name))
            continue
        values = {key: _cell(file, line, record[key]) for key in _COLUMNS if key in record}
        split = values.pop("split", None)
        part: Part | None = "train" if split == "train" else "validation" if split == "validation" else None
        if split is not None and part is None:
            faults.append(Fault("split-invalid", f"its split is '{split}'", "write `train` or `validation`", name))
        rows[name] = Row(name, split=part, **values)
    return rows, faults


def _table_file(folder: Path) -> Path | None:
    """The one table in a folder; None: there is none."""
    tables = sorted(path for path in folder.iterdir() if path.name.lower() in TABLES and path.is_file())
    if len(tables) > 1:
        names = " and ".join(path.name for path in tables)
        raise InputInvalid(
            f"tables are there twice: {names} (table-invalid)", place=str(folder), remedy="keep one of them"
        )
    if tables:
        return tables[0]
    for path in folder.iterdir():
        if path.stem.lower() == "metadata" and path.suffix.lower() in _OTHER_TABLES:
            raise _invalid(path, f"it is a table of {_OTHER_TABLES[path.suffix.lower()]}")
    return None


class _PictureNames:
    """Finds the picture that a table means.

    Args:
        folder: the data set's; absolute paths below it are taken, too.
        pictures: names below the folder.
    """

    def __init__(self, folder: Path, pictures: Collection[str]) -> None:
        self._folder = unicodedata.normalize("NFC", folder.absolute().as_posix())
        self._exact = set(pictures)
        self._loose: dict[str, list[str]] = {}
        for name in pictures:
            for key in {name.casefold(), str(PurePosixPath(name).with_suffix("")).casefold()}:
                self._loose.setdefault(key, []).append(name)

    def match(self, text: str) -> str:
        """Give the name of the picture that is meant; the text itself, tidied, where none is."""
        name = unicodedata.normalize("NFC", text).replace("\\", "/").removeprefix("./")
        name = name.removeprefix(f"{self._folder}/")
        pictures = self._loose.get(name.casefold(), [])
        return pictures[0] if name not in self._exact and len(pictures) == 1 else name


def _canonical(cells: Mapping[str, Any]) -> dict[str, Any]:
    """A row by our names of columns; spaces, hyphens and capitals in them make no difference."""
    record = {"_".join(str(key).lower().replace("-", " ").split()): value for key, value in cells.items()}
    for column, synonyms in _SYNONYMS.items():
        synonym = next((name for name in synonyms if name in record), None)
        if column not in record and synonym is not None:
            record[column] = record[synonym]
    return record


def _records(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        if file.stat().st_size > _LIMIT:
            raise _invalid(file, f"it has more than {_LIMIT:,} bytes")
        text = decode_text(file.read_bytes())
        suffix = file.suffix.lower()
        if suffix in (".csv", ".tsv"):
            yield from _csv_records(text)
        elif suffix == ".json":
            yield from enumerate(_json_records(file, json.loads(text)), 1)
        else:
            for number, line in enumerate(text.splitlines(), 1):
                if line.strip():
                    yield number, _object(file, f"line {number}", json.loads(line))
    except (OSError, ValueError, csv.Error, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise _invalid(file, str(error)) from error


def _csv_records(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows of a table whose first line tells by what its cells are parted."""
    first, _, rest = text.partition("\n")
    if first.strip().lower().removeprefix("sep=") in tuple(_DELIMITERS):  # Excel's own first line
        text = rest
        first = rest.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=lambda mark: ("file_name" in _canonical(_header(first, mark)), first.count(mark)))
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    for row in reader:
        row.pop(None, None)  # cells beyond the last column
        yield reader.line_num, row


def _header(line: str, delimiter: str) -> dict[str, str]:
    return dict.fromkeys(next(csv.reader([line], delimiter=delimiter), []), "")


def _json_records(file: Path, content: Any) -> Iterator[Mapping[str, Any]]:
    """Rows of a list of objects; or of an object whose keys are the files' names, as kohya's scripts write it."""
    if isinstance(content, list):
        for number, record in enumerate(content, 1):
            yield _object(file, f"entry {number}", record)
        return
    for name, record in _object(file, "the whole", content).items():
        yield {"file_name": name, **_object(file, f"entry '{name}'", record)}


def _object(file: Path, place: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _invalid(file, f"{place}: no JSON object")
    return value


def _cell(file: Path, line: int, value: Any) -> str:
    """A cell as text; JSON's true and false are ``yes`` and ``no``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | dict):
        raise _invalid(file, f"line {line}: a list or an object in place of a text")
    return "" if value is None else str(value).strip()


def _invalid(file: Path, message: str) -> InputInvalid:
    return InputInvalid(
        f"the table cannot be read (table-invalid): {message}",
        place=str(file),
        remedy="save it as UTF-8 CSV or JSON Lines, with a column `file_name`; docs/training.md shows one",
    )


def check_row(row: Row, today: datetime.date) -> list[Fault]:
    """Find what keeps a picture from being trained on: rights that are not there or over, people who were not asked."""
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
    """Find what no table says of the whole set: rights, and people."""
    first = next(iter((table or {}).values()), None)
    faults = []
    for column, what in (("rights", "by which right the pictures are used"), ("people", "whether they show people")):
        if first is None or getattr(first, column) is None:
            message, remedy = f"nothing says {what}", f"add a table with a column `{column}`"
            faults.append(Fault(f"{column}-unstated", message, remedy, "", "warning"))
    return faults
