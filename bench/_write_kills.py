"""The command, as a process that kills itself in the middle of a write when it is told to.

python _write_kills.py LOG packshot's arguments

SIGUSR1 arms it: at one of the next writes it notes in LOG which one that was, and is gone as by ``kill -9``. Packshot
itself knows nothing of this.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packshot.catalog.ledger import audit
from packshot.catalog.ledger.audit import AuditLog, Head
from packshot.catalog.ledger.database import LedgerFile
from packshot.cli.main import main

SOON = 12  # writes at most between the signal and the end


class Fuse:
    """Counts writes once it is lit, and ends the process at the last one."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._left = 0

    def light(self, writes: int) -> None:
        """Begin to count: the process ends at the last of so many."""
        self._left = writes

    def burns_down(self) -> bool:
        """Count a write; whether it is the last one."""
        self._left -= 1
        return self._left == 0

    def end(self, place: str) -> None:
        """Be gone."""
        with self._log.open("a") as file:
            file.write(f"{place}\n")
        os.kill(os.getpid(), signal.SIGKILL)


def lay(fuse: Fuse) -> None:
    """Put the fuse under every write of a run: lines of the audit, transactions, files and their names."""
    append, transaction = AuditLog.append, LedgerFile.transaction
    replace, fsync = Path.replace, os.fsync

    def appended(log: AuditLog, event: str, facts: Mapping[str, Any], **options: Any) -> Head:
        if fuse.burns_down():
            with log._path.open("ab") as file:
                line = audit._sealed(log._head, event, facts)[0]
                file.write(line[: random.randint(1, len(line) - 1)])
            fuse.end("half a line of the audit")
        return append(log, event, facts, **options)

    @contextlib.contextmanager
    def within(ledger: LedgerFile) -> Iterator[sqlite3.Connection]:
        outer = not ledger.db.in_transaction
        with transaction(ledger) as db:
            yield db
            if outer and fuse.burns_down():
                fuse.end("before a commit")
        if outer and fuse.burns_down():
            fuse.end("after a commit")

    def replaced(source: Path, target: Path) -> Path:
        if fuse.burns_down():
            fuse.end("before a rename")
        renamed = replace(source, target)
        if fuse.burns_down():
            fuse.end("after a rename")
        return renamed

    def synced(descriptor: int) -> None:
        if fuse.burns_down():
            name = str(Path(f"/proc/self/fd/{descriptor}").readlink())
            if name.endswith(".part"):  # as when the kill had come while it was written
                os.ftruncate(descriptor, random.randint(0, os.fstat(descriptor).st_size))
            fuse.end("half a file" if name.endswith(".part") else "before a sync")
        fsync(descriptor)

    for owner, name, hook in (
        (AuditLog, "append", appended),
        (LedgerFile, "transaction", within),
        (Path, "replace", replaced),
        (os, "fsync", synced),
    ):
        setattr(owner, name, hook)


if __name__ == "__main__":
    fuse = Fuse(Path(sys.argv.pop(1)))
    lay(fuse)
    signal.signal(signal.SIGUSR1, lambda _signal, _frame: fuse.light(random.randint(1, SOON)))
    main()
