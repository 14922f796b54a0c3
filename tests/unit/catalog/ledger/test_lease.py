"""Which process works on a run: the dead lose it, the slow keep it, and nobody writes without it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from packshot.catalog.ledger import lease as leases
from packshot.catalog.ledger.audit import FILE_NAME
from packshot.catalog.ledger.lease import Lease
from packshot.catalog.ledger.ledger import Ledger
from packshot.errors import InputInvalid, RunTakenOver

HOLD = """
    import sys, time
    from pathlib import Path
    from packshot.catalog.ledger.ledger import Ledger
    from packshot.catalog.ledger.lease import Lease
    ledger = Ledger(Path(sys.argv[1]), create=True)
    Lease(ledger)
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_dead_process_loses_its_run_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with Ledger(tmp_path) as ledger, pytest.raises(InputInvalid, match="another process works on this run"):
            Lease(ledger)
        holder.kill()
    with Ledger(tmp_path) as ledger:
        Lease(ledger).release()
        assert ledger.lease() is None


def test_who_wakes_up_after_his_run_was_taken_over_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "DEAD", 0.5)
    sleeper = Ledger(tmp_path, create=True)
    # A coordinator on another machine that stands still: it holds the run and does not beat.
    sleeper.take_lease("somebody", "another-machine", 1, 0.0)
    with Ledger(tmp_path) as ledger:
        held = Lease(ledger)
        before = (tmp_path / FILE_NAME).read_bytes() if (tmp_path / FILE_NAME).exists() else b""
        with pytest.raises(RunTakenOver):
            sleeper.record_facts({"late": True}, event="run")
        assert not sleeper.beat()
        sleeper.give_lease_back()
        assert ledger.lease() is not None
        assert "late" not in ledger.facts()
        ledger.record_facts({"mine": True}, event="run")
        held.release()
    sleeper.close()
    lines = (tmp_path / FILE_NAME).read_bytes()[len(before) :].splitlines()
    assert [json.loads(line)["mine"] for line in lines] == [True]


def test_a_planner_that_writes_for_a_long_time_is_not_taken_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "DEAD", 0.3)
    monkeypatch.setattr(leases, "BEAT", 0.1)
    planner = Ledger(tmp_path, create=True)
    held = Lease(planner)
    begun = threading.Event()

    def plan() -> None:
        with planner.transaction():  # nobody can beat meanwhile
            begun.set()
            time.sleep(1.5)

    writing = threading.Thread(target=plan)
    writing.start()
    begun.wait()
    with Ledger(tmp_path) as other, pytest.raises(InputInvalid, match="another process works on this run"):
        Lease(other)
    writing.join()
    planner.record_facts({"mine": True}, event="run")
    held.release()
    planner.close()


def test_a_lease_that_cannot_be_given_back_hides_no_error_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    """As on a full disk, which has an error of its own to show."""
    code = "import sys; from pathlib import Path; from packshot.catalog.ledger.ledger import Ledger;"
    code += "from packshot.catalog.ledger.lease import Lease; ledger = Ledger(Path(sys.argv[1]), create=True);"
    code += "held = Lease(ledger); ledger.db.execute('PRAGMA query_only = ON'); held.release()"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    with Ledger(tmp_path) as ledger:
        assert ledger.lease() is not None
        Lease(ledger).release()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has PID namespaces")
def test_the_process_of_another_pid_namespace_is_not_looked_for_in_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two containers can have one host name: the number of a process in one means nothing in the other."""
    monkeypatch.setattr(leases, "DEAD", 0.6)
    ledger = Ledger(tmp_path, create=True)
    before, _, _ = leases.where_pids_count().rpartition(" ")
    ledger.take_lease("container", f"{before} pid:[1]", 2**22 + 1, 0.0)  # no such process here
    alive = threading.Event()

    def beat() -> None:
        while not alive.wait(0.1):
            ledger.beat()

    beating = threading.Thread(target=beat)
    beating.start()
    with Ledger(tmp_path) as other, pytest.raises(InputInvalid, match="another process works") as caught:
        Lease(other)
    assert "pid:[" not in caught.value.place, "people are told the machine"
    alive.set()
    beating.join()
    with Ledger(tmp_path) as other:
        Lease(other).release()
    ledger.close()
