"""The page on the architecture shows the code as it is: its picture, its table, and the files of its walks."""

from __future__ import annotations

import re

from make_architecture import imports_table, picture
from source_modules import FLOORS, ROOT, room_imports

DOCS = ROOT / "docs"
PAGE = (DOCS / "architecture.md").read_text(encoding="utf-8")


def test_the_picture_and_the_table_are_those_of_the_code() -> None:
    assert (DOCS / "images" / "architecture.svg").read_text(encoding="utf-8") == picture(), "run: make docs"
    assert imports_table() in PAGE, "run: make docs"


def test_every_room_is_explained() -> None:
    rooms = [room for floor, names in FLOORS.items() for room in names if floor and room in room_imports()]
    missing = [room for room in rooms if f"| `{room}/` | " not in PAGE.split("## Every import")[0]]
    assert not missing, f"say in docs/architecture.md what these rooms hold: {missing}"


def test_the_walks_name_files_that_exist() -> None:
    files = re.findall(r"`((?:client|nodes|tests|web)/[\w/]+\.\w+)`", PAGE)
    assert len(files) > 30
    assert not [file for file in files if not (ROOT / file).is_file()], "correct the walk in docs/architecture.md"
