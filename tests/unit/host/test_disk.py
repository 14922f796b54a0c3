"""What is said of the disk that a host writes to."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from packshot.host.disk import disk_problem


def test_a_disk_with_too_little_space_is_full(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    assert "full" in disk_problem(tmp_path, least=2 * free)
    assert not disk_problem(tmp_path, least=free // 2)


def test_a_folder_that_is_not_there_yet_is_on_the_disk_of_the_one_above(tmp_path: Path) -> None:
    assert not disk_problem(tmp_path / "base" / "output", least=1)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_folder_that_takes_no_files_is_named() -> None:
    if os.access("/proc/1", os.W_OK):
        pytest.skip("this user may write anywhere, as far as the system says")
    assert "cannot be written: /proc/1" in disk_problem(Path("/proc/1"))
