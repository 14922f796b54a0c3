"""The audit of a run: whatever was changed, left out or half written is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.catalog.ledger.audit import FILE_NAME, AuditLog
from packshot.catalog.ledger.audit_check import verify_audit
from packshot.catalog.ledger.ledger import Ledger
from packshot.errors import CatalogInvalid


@pytest.fixture
def audited(tmp_path: Path) -> Path:
    with Ledger(tmp_path, create=True) as ledger:
        ledger.record_facts({"base_seed": 1, "name": "急須 = é"}, event="run")
        for number in range(5):
            with ledger.transaction():
                ledger.audit("accepted", {"item_id": f"S{number}", "sha256": "0" * 64})
    return tmp_path


def test_an_audit_that_nobody_touched_verifies(audited: Path) -> None:
    answer = verify_audit(audited)
    assert (answer["ok"], answer["lines"], answer["faults"]) == (True, 6, [])
    assert answer["events"] == {"run": 1, "accepted": 5}
    assert (answer["signer"], answer["unsealed"]) == ("unsigned", 6)


def test_any_changed_byte_is_found(audited: Path) -> None:
    path = audited / FILE_NAME
    whole = path.read_bytes()
    assert len(whole) > 500
    for at in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[at] ^= 1
        path.write_bytes(bytes(changed))
        answer = verify_audit(audited)
        assert not answer["ok"], at
        assert answer["faults"][0]["line"] in (whole.count(b"\n", 0, at) + 1, whole.count(b"\n", 0, at) + 2)


@given(st.integers(0, 5), st.sampled_from(["cut", "gone", "twice", "swapped"]))
def test_lines_that_are_missing_or_moved_are_found(tmp_path_factory: pytest.TempPathFactory, at: int, how: str) -> None:
    folder = tmp_path_factory.mktemp("audit")
    with Ledger(folder, create=True) as ledger:
        for number in range(6):
            ledger.record_facts({"n": number}, event="run")
    lines = (folder / FILE_NAME).read_bytes().splitlines(keepends=True)
    if how == "cut":
        lines = lines[:at]
    elif how == "gone":
        del lines[at]
    elif how == "twice":
        lines.insert(at, lines[at])
    else:
        lines[at], lines[at - 1] = lines[at - 1], lines[at]
    (folder / FILE_NAME).write_bytes(b"".join(lines))
    assert not verify_audit(folder)["ok"]


def test_a_line_that_a_crash_left_half_written_is_cut_off_and_said(audited: Path) -> None:
    with (audited / FILE_NAME).open("ab") as file:
        file.write(b'{"seq":7,"at":"2026')
    with Ledger(audited) as ledger:
        ledger.record_facts({"more": 1}, event="run")
    answer = verify_audit(audited)
    assert answer["ok"]
    assert answer["events"] == {"run": 2, "accepted": 5, "torn": 1}


def test_long_lines_and_two_writers(tmp_path: Path) -> None:
    first, second = AuditLog(tmp_path), AuditLog(tmp_path)
    for number in range(4):
        first.append("a", {"text": "x" * 200_000})
        assert second.append("b", {"n": number}).seq == 2 * number + 2
    assert [fault["message"] for fault in verify_audit(tmp_path)["faults"]] == ["ledger.sqlite is not there"]


def test_a_damaged_last_line_is_not_built_upon(audited: Path) -> None:
    path = audited / FILE_NAME
    path.write_bytes(path.read_bytes()[:-30] + b"\n")
    with Ledger(audited) as ledger, pytest.raises(CatalogInvalid, match="audit is damaged"):
        ledger.record_facts({"more": 1}, event="run")
