"""Tables of training pictures, as spreadsheets and other trainers write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from packshot.brand.dataset.dataset import check_dataset
from packshot.errors import InputInvalid
from support.datasets import TRIGGER, draw_set

NAMES = [f"p{number:02}.png" for number in range(12)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw_set(tmp_path)
    for path in tmp_path.glob("*.txt"):
        path.unlink()
    return tmp_path


def captions(folder: Path) -> list[str]:
    report = check_dataset(folder, TRIGGER, resolution=128)
    assert {fault.id for fault in report.faults} <= {"rights-unstated", "people-unstated"}, report.faults
    return [picture.caption for picture in report.dataset.pictures]


EXPECTED = [f"{TRIGGER}, {name}; white" for name in NAMES]


def lines(delimiter: str, header: tuple[str, str], name: str = "{}") -> str:
    rows = [f'{name.format(file)}{delimiter}"{text}"' for file, text in zip(NAMES, EXPECTED, strict=True)]
    return "\n".join([delimiter.join(header), *rows])


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("metadata.csv", lines(",", ("file_name", "text"))),
        ("metadata.csv", lines(";", ("file_name", "text"))),
        ("metadata.csv", "sep=;\r\n" + lines(";", ("file_name", "text"))),
        ("metadata.csv", lines("\t", ("File Name", "Caption"))),
        ("metadata.tsv", lines("\t", ("file", "prompt"))),
        ("metadata.csv", lines(",", ("image", "prompt"))),
        ("Metadata.CSV", lines(",", ("filename", "caption"))),
        ("metadata.csv", lines(",", ("file_name", "text"), ".\\{}")),
        ("metadata.csv", "\ufeff" + lines(";", ("file_name", "text"))),
        ("metadata.csv", lines(",", ("file_name", "text")).replace("p0", "P0").replace("harbor, P0", "harbor, p0")),
        ("metadata.jsonl", "\n".join(json.dumps({"image_path": name, "caption": text}) for name, text in
                                     zip(NAMES, EXPECTED, strict=True))),
        ("metadata.json", json.dumps({name: {"caption": text} for name, text in zip(NAMES, EXPECTED, strict=True)})),
        ("metadata.json", json.dumps({name[:-4]: {"tags": text} for name, text in zip(NAMES, EXPECTED, strict=True)})),
        ("metadata.json", json.dumps([{"file_name": name, "text": text} for name, text in
                                      zip(NAMES, EXPECTED, strict=True)])),
    ],
)  # fmt: skip
def test_a_table_is_read_in_every_usual_form(folder: Path, file: str, text: str) -> None:
    (folder / file).write_text(text, encoding="utf-8", newline="")
    assert captions(folder) == EXPECTED


def test_absolute_paths_and_other_encodings(folder: Path) -> None:
    (folder / "metadata.csv").write_text(lines(";", ("path", "text"), f"{folder}/{{}}"), encoding="utf-16")
    assert captions(folder) == EXPECTED


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("metadata.csv", "picture;words\na.png;b\n", "no 'file_name'"),
        ("metadata.json", "{", "Expecting"),
        ("metadata.json", '"text"', "no JSON object"),
        ("metadata.json", '{"p00": "text"}', "entry 'p00'"),
        ("metadata.jsonl", '{"file_name": "p00.png", "text": ["a", "b"]}', "a list or an object"),
        ("metadata.parquet", "PAR1", "a table of Parquet"),
        ("metadata.xlsx", "PK", "a table of Excel"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(folder: Path, file: str, text: str, words: str) -> None:
    (folder / file).write_text(text, encoding="utf-8")
    with pytest.raises(InputInvalid, match="table-invalid") as caught:
        captions(folder)
    assert words in caught.value.message
