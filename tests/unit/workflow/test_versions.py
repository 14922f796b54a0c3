"""Versions of the library."""

from __future__ import annotations

from pathlib import Path

import pytest

from packshot.errors import WorkflowInvalid
from packshot.paths import shipped
from packshot.workflow.versions import library, read_version, release_folder, releases, resolve
from packshot.workflow.workflow import Workflow


@pytest.mark.parametrize("name", sorted(library()))
def test_the_newest_release_is_what_the_name_stands_for(name: str) -> None:
    version, path = max(releases(name))
    assert library()[name].read_bytes() == path.read_bytes()
    assert read_version(Workflow.load(name).version) == version


@pytest.mark.parametrize("name", sorted(library()))
def test_each_release_says_its_own_name_and_version(name: str) -> None:
    for version, path in releases(name):
        loaded = Workflow.load(path)
        assert (loaded.name, read_version(loaded.version)) == (name, version)


def test_a_reference_is_the_newest_within_what_it_names() -> None:
    folder = release_folder("product-shot")
    assert resolve("product-shot") == resolve("product-shot@latest") == shipped("workflows") / "product-shot.app.json"
    newest_of_one = max((version, path) for version, path in releases("product-shot") if version[0] == 1)[1]
    assert resolve("product-shot@1") == newest_of_one
    assert resolve("product-shot@1.0") == resolve("product-shot@1.0.0") == folder / "1.0.0.app.json"


@pytest.mark.parametrize("wanted", ["9", "1.0.9", "1.0.0.0", "x", "01", "1.", ".1", "1..0", "@1", " 1", "１", "../1"])
def test_a_version_that_is_not_there_is_refused_with_those_that_are(wanted: str) -> None:
    if "/" in wanted:
        assert resolve(f"product-shot@{wanted}") == Path(f"product-shot@{wanted}")  # a path
        return
    with pytest.raises(WorkflowInvalid) as caught:
        resolve(f"product-shot@{wanted}")
    assert "1.0.0" in caught.value.remedy


@pytest.mark.parametrize("text", ["1.0", "1.0.0.0", "01.0.0", "1.0.x", "", "-1.0.0", "1.0.0 ", "１.0.0"])
def test_only_three_plain_numbers_are_a_version(text: str) -> None:
    assert read_version(text) is None
