"""Which process works on a run: a row of the ledger that beats while its owner lives.

Whoever finds the owner dead takes the run over under the next number; from then on the ledger refuses whatever the old
owner still writes, should it wake up again. No clock is compared with another: an owner is dead when its process is
gone from this machine and PID namespace, or when its beat has stood still for a while by the watcher's own clock.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from ...errors import InputInvalid, PackshotError
from ...host.process import boot_id, since_boot

if TYPE_CHECKING:
    from .ledger import Ledger
    from .records import Holder

BEAT = 2.0  # seconds between two beats
DEAD = 15.0  # seconds without one after which the owner counts as dead


class Lease:
    """The right to write to a ledger, held from construction until :meth:`release`.

    Raises:
        InputInvalid: another process holds it and is alive.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._end = threading.Event()
        dead = wait_for_owner(ledger)
        me = (uuid.uuid4().hex, where_pids_count(), os.getpid(), since_boot(os.getpid()))
        if (holder := ledger.take_lease(*me, after=dead)) is not None:
            raise _held(ledger, holder)
        self._thread = threading.Thread(target=self._beat, name="packshot-lease", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Let the next process have the run at once."""
        self._end.set()
        self._thread.join()
        with contextlib.suppress(sqlite3.Error):  # a full disk: the next one finds that this process is gone
            self._ledger.give_lease_back()

    def _beat(self) -> None:
        while not self._end.wait(BEAT):
            try:
                if not self._ledger.beat():
                    return  # taken over: the next thing that is written says so
            except (PackshotError, sqlite3.Error):
                continue  # the disk is full, or the ledger busy; the next beat may pass


def wait_for_owner(ledger: Ledger) -> Holder | None:
    """Find out whether a run can be taken: None when nobody holds it, or whoever does and is dead.

    Raises:
        InputInvalid: another process holds it and is alive.
        CatalogInvalid: the ledger is too damaged to tell.
    """
    first = ledger.lease()
    since = time.monotonic()
    while (holder := ledger.lease()) is not None:
        if holder.machine == where_pids_count() and not _runs(holder.pid, holder.started):
            return holder
        if holder != first:
            raise _held(ledger, holder)
        if time.monotonic() - since >= DEAD:
            return holder
        time.sleep(BEAT / 4)
    return None


def where_pids_count() -> str:
    """Name where the number of a process means that process: the host's name, this start of it, the PID namespace.

    Two containers on one machine may share its name and not its processes; two machines may share a name.
    """
    parts = [socket.gethostname(), boot_id()]
    with contextlib.suppress(OSError):  # other systems than Linux have no PID namespaces
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(filter(None, parts))


def _held(ledger: Ledger, holder: Holder) -> InputInvalid:
    return InputInvalid(
        "another process works on this run",
        place=f"{ledger.folder} (process {holder.pid} on {holder.machine.partition(' ')[0]})",
        remedy="wait for it, or choose another --out",
    )


def _runs(pid: int, started: float) -> bool:
    try:
        return abs(since_boot(pid) - started) < 1.0
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
