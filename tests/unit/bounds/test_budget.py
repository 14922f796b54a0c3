from __future__ import annotations

import math
import os
import threading
import time
from pathlib import Path

import pytest

from packshot.budget import (
    Budget,
    IrregularFile,
    OverBudget,
    check_deadline,
    deadline,
    open_regular,
    read_regular,
    seconds_left,
)


def test_a_budget_ends_at_its_bytes_and_items() -> None:
    budget = Budget(most_bytes=10, most_items=2)
    budget.take_bytes(10)
    budget.take_items(2)
    with pytest.raises(OverBudget) as refusal:
        budget.take_bytes(1)
    assert (refusal.value.limit, refusal.value.most) == ("bytes", 10)
    with pytest.raises(OverBudget) as refusal:
        budget.take_items()
    assert (refusal.value.limit, refusal.value.most) == ("items", 2)


def test_a_passed_deadline_ends_every_budget_inside() -> None:
    with deadline(0):
        with pytest.raises(OverBudget) as refusal:
            Budget().take_bytes(1)
        assert refusal.value.limit == "seconds"
        with pytest.raises(OverBudget):
            check_deadline()
    check_deadline()
    assert seconds_left() == math.inf


def test_of_nested_deadlines_the_nearest_holds() -> None:
    with deadline(100), deadline(1000):
        assert seconds_left() <= 100
        with deadline(10):
            assert seconds_left() <= 10
        with deadline(None):
            assert 10 < seconds_left() <= 100


def test_another_thread_has_no_deadline() -> None:
    seen: list[float] = []
    with deadline(1):
        thread = threading.Thread(target=lambda: seen.append(seconds_left()))
        thread.start()
        thread.join()
    assert seen == [math.inf]


def test_a_file_is_read_up_to_its_budget(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"0123456789")
    assert read_regular(path, 10) == b"0123456789"
    with pytest.raises(OverBudget):
        read_regular(path, 9)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes among its files")
def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    begun = time.monotonic()
    with deadline(60), pytest.raises(IrregularFile):
        open_regular(tmp_path / "pipe")
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize("place", ["/dev/zero", "/dev/null"])
@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no devices among its files")
def test_a_device_is_refused(place: str) -> None:
    with pytest.raises(IrregularFile):
        read_regular(Path(place), 1 << 20)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises((IrregularFile, PermissionError)):
        open_regular(tmp_path)


def test_a_link_is_followed_only_where_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", 100) == b"content"
    with pytest.raises(IrregularFile):
        open_regular(tmp_path / "link", follow=False)
    assert read_regular(tmp_path / "file", 100, follow=False) == b"content"
