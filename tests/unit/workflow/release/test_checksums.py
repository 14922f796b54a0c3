"""No released file changes."""

from __future__ import annotations

import subprocess

import pytest

from packshot.workflow.release.checksums import SUMS, read_sums, violations
from packshot.workflow.versions import library, release_folder


@pytest.mark.parametrize("name", sorted(library()))
def test_no_released_file_has_changed(name: str) -> None:
    folder = release_folder(name)
    assert list(violations(folder)) == []
    assert read_sums(folder), "its releases are not listed"


def test_sums_are_in_the_form_of_the_common_tool() -> None:
    folder = release_folder("product-shot")
    subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=folder, check=True, capture_output=True)
