"""Clocks that are set back or forward while a run goes on."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from packshot.catalog.ledger.lease import Lease
from packshot.catalog.ledger.ledger import Ledger
from packshot.errors import InputInvalid

DAY = 86400.0


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path, create=True)
    for name in ("A", "B", "C"):
        ledger.db.execute(
            "INSERT INTO items (item_id, position, sku, variant, title, name, place, inputs, seed, state)"
            " VALUES (?, 1, ?, '', '', ?, '', '{}', 1, 'pending')",
            (name, name, name),
        )
    return ledger


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_attempts_keep_their_order(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    real = time.time
    ledger.begin("A", "job-1", "http://h")
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    ledger.begin("B", "job-2", "http://h")
    monkeypatch.setattr(time, "time", real)
    ledger.begin("C", "job-3", "http://h")
    assert [attempt.prompt_id for attempt in ledger.open_attempts()] == ["job-1", "job-2", "job-3"]
    ledger.lost("job-1", "cancelled", "gone", alone=True)
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    ledger.begin("A", "job-4", "http://h")
    assert [attempt["prompt_id"] for attempt in ledger.attempts_of("A")] == ["job-1", "job-4"]
    ledger.close()


HOLD = """
    import sys, time
    from pathlib import Path
    real = time.time
    from packshot.catalog.ledger.ledger import Ledger
    from packshot.catalog.ledger.lease import Lease
    ledger = Ledger(Path(sys.argv[1]), create=True)
    held = Lease(ledger)
    time.time = lambda: real() + float(sys.argv[2])
    print("held", flush=True)
    sys.stdin.read()
    ledger.record_facts({"mine": True}, event="run")
    held.release()
    print("wrote", flush=True)
"""


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_a_lease_is_kept_however_the_clock_is_set(tmp_path: Path, jump: float) -> None:
    command = [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path), str(jump)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        with Ledger(tmp_path) as ledger, pytest.raises(InputInvalid, match="another process works on this run"):
            Lease(ledger)
        holder.stdin.close()
        assert holder.stdout.readline() == "wrote\n"
    with Ledger(tmp_path) as ledger:
        assert ledger.facts() == {"mine": True}
        Lease(ledger).release()
