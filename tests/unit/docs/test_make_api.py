"""The page of the API says what the code says, and ``import packshot`` stays light."""

from __future__ import annotations

import subprocess
import sys

from make_api import api_page
from source_modules import ROOT

import packshot


def test_the_page_is_that_of_the_code() -> None:
    assert (ROOT / "docs" / "api.md").read_text(encoding="utf-8") == api_page(), "run: make docs"


def test_every_name_is_on_the_page() -> None:
    page = api_page()
    missing = [name for name in packshot.__all__ if f"### `{name}`\n" not in page and f"| `{name}" not in page]
    assert not missing


def test_the_list_of_names_is_sorted_and_each_is_there() -> None:
    assert len(set(packshot.__all__)) == len(packshot.__all__)
    assert sorted(packshot.__all__) == packshot.__all__
    assert all(hasattr(packshot, name) for name in packshot.__all__)


def test_importing_the_package_imports_nothing_else_of_weight() -> None:
    """What a name needs is imported when the name is first used."""
    script = "import sys; before = set(sys.modules); import packshot; print(*sorted(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in loaded if name.split(".")[0] == "packshot"] == ["packshot"]
    heavy = {"numpy", "PIL", "pydantic", "requests", "rich", "scipy", "typer", "urllib3", "websocket", "yaml"}
    assert not heavy & {name.split(".")[0] for name in loaded}, "import it where it is used, or in a room of its own"
