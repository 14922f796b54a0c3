"""The file of a ledger: one SQLite database in the run's folder, its transactions, and who may write to it.

What happens is also written into the audit, inside the same transaction: the audit may be ahead of the ledger by what a
crash undid, never behind.
"""

from __future__ import annotations

import json
import sqlite3
import stat
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from ...budget import seconds_left
from ...errors import CatalogInvalid, OutputUnwritable, PackshotError, RunTakenOver
from ...paths import writing
from .audit import AuditLog
from .records import Holder
from .schema import TABLES, VERSION, bring_up_to_date

FILE_NAME = "ledger.sqlite"
_L = TypeVar("_L", bound="LedgerFile")
_WAL = 4 << 20  # bytes that the log beside the file keeps once what it held is in the file
_PATIENCE = 30.0  # seconds that another process may hold the file
_AUDIT_HEAD = "audit"  # where the run table keeps the audit's last line

_PATIENCE = 5.0  # seconds for whoever writes just now
# Whether a line of the schema is of something stored, by its kind and by the text that SQLite goes by.
_STORED = (
    "(type = 'table' AND sql LIKE 'CREATE TABLE%') OR (type = 'index' AND"
    " (sql IS NULL OR sql LIKE 'CREATE INDEX%' OR sql LIKE 'CREATE UNIQUE INDEX%'))"
)
_STEPS = 2000  # of SQLite's machine between two looks at the clock
if sys.version_info >= (3, 11):
    _LIMITS = (
        (sqlite3.SQLITE_LIMIT_LENGTH, 64 << 20),  # bytes of a row
        (sqlite3.SQLITE_LIMIT_COLUMN, 100),
        (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 50),
        (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
        (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
    )


class LedgerFile:
    """The ledger in ``folder``, made when it is not there. Safe to use from several threads.

    Args:
        folder: the run's folder.
        create: make a new ledger where there is none.

    Raises:
        CatalogInvalid: there is none, or it is damaged, or of a newer Packshot.
        OutputUnwritable: the folder or the disk refuses.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.folder = folder
        self._path = folder / FILE_NAME
        if not create and not self._path.is_file():
            raise CatalogInvalid(
                "there is no catalogue run in this folder",
                place=str(folder),
                remedy="give the --out folder of an earlier `packshot catalog run`",
            )
        with writing(self._path):
            folder.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self._audit = AuditLog(folder)
        self._epoch: int | None = None
        self._repeats = False
        try:
            self.db = sqlite3.connect(self._path, isolation_level=None, timeout=_PATIENCE, check_same_thread=False)
            # FULL: a committed row survives a power cut. One commit costs a few milliseconds, a picture costs seconds.
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.execute("PRAGMA synchronous = FULL")
            self.db.execute(f"PRAGMA journal_size_limit = {_WAL}")
            self._prepare()
            self.db.execute("PRAGMA foreign_keys = ON")
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    def _prepare(self) -> None:
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise CatalogInvalid(
                "the ledger was written by a newer Packshot", place=str(self._path), remedy="upgrade Packshot"
            )
        if version < VERSION:
            with self.transaction():
                (version,) = self.db.execute("PRAGMA user_version").fetchone()  # another process may have been first
                if version < VERSION:
                    bring_up_to_date(self.db, version)

    def check(self) -> None:
        """Look at every page of the file.

        Raises:
            CatalogInvalid: it is damaged.
        """
        found = self.all("PRAGMA quick_check(1)")
        if found != [("ok",)]:
            raise self._damaged(sqlite3.DatabaseError(str(found[0][0]).replace("\n", " ")))

    def empty_log(self) -> None:
        """Bring what a large transaction left in the log beside the file home into it, unless somebody reads it now."""
        with self.lock, self.said():
            self.db.execute("PRAGMA busy_timeout = 1000")
            try:
                self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                self.db.execute(f"PRAGMA busy_timeout = {round(_PATIENCE * 1000)}")

    def close(self) -> None:
        """Close the file; everything is on disk already."""
        with self.lock:
            self.db.close()

    def __enter__(self: _L) -> _L:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- the run ---------------------------------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """What the run is: workflow, brand, base seed and so on; empty for a new ledger."""
        rows = self.all("SELECT key, value FROM run WHERE key != ?", _AUDIT_HEAD)
        return {key: json.loads(value) for key, value in rows}

    def record_facts(self, facts: Mapping[str, Any], *, event: str = "") -> None:
        """Write down what the run is, and in the audit as an event of that name."""
        rows = [(key, json.dumps(value, ensure_ascii=False)) for key, value in facts.items()]
        with self.transaction() as db:
            db.executemany("INSERT OR REPLACE INTO run VALUES (?, ?)", rows)
            if event:
                self.audit(event, facts)

    def audit_head(self) -> tuple[int, str] | None:
        """Number and hash of the last line that the audit had when the ledger was last written; None before any."""
        row = self.one("SELECT value FROM run WHERE key = ?", _AUDIT_HEAD)
        return None if row is None else (json.loads(row[0])["seq"], json.loads(row[0])["hash"])

    # -- who works on it -------------------------------------------------------------------------------------------

    def lease(self) -> Holder | None:
        """Who holds the run; None when nobody does."""
        row = self.one("SELECT epoch, owner, machine, pid, started, beat FROM lease WHERE owner != ''")
        return None if row is None else Holder(*row)

    def take_lease(
        self, owner: str, machine: str, pid: int, started: float, *, after: Holder | None = None
    ) -> Holder | None:
        """Take the run; whatever an earlier holder writes is refused from now on.

        Args:
            after: who seemed to be dead, as he was last seen.

        Returns:
            None, or whoever holds the run, when that is another one or ``after`` has shown life since.
        """
        with self.transaction() as db:
            now = self.lease()
            if now is not None and now != after:
                return now
            db.execute(
                "INSERT INTO lease VALUES (1, 1, ?, ?, ?, ?, 0) ON CONFLICT (id) DO UPDATE SET epoch = epoch + 1,"
                " owner = excluded.owner, machine = excluded.machine, pid = excluded.pid, started = excluded.started,"
                " beat = 0",
                (owner, machine, pid, started),
            )
            (self._epoch,) = db.execute("SELECT epoch FROM lease").fetchone()
            return None

    def beat(self) -> bool:
        """Say that the holder lives; False when another one has the run."""
        with self.lock:
            done = self.db.execute("UPDATE lease SET beat = beat + 1 WHERE epoch = ? AND owner != ''", (self._epoch,))
            return done.rowcount == 1

    def confirm_held(self) -> None:
        """Do nothing while this process holds the run, or never held it.

        Raises:
            RunTakenOver: it held the run, and another one holds it now.
        """
        if self._epoch is not None and self.one("SELECT epoch FROM lease") != (self._epoch,):
            raise RunTakenOver(
                "another process has taken this run over, because this one seemed to be dead",
                place=str(self.folder),
                remedy="let it finish; nothing that was made is lost",
            )

    def give_lease_back(self) -> None:
        """Let another process have the run; does nothing when one has it already."""
        with self.lock:
            self.db.execute("UPDATE lease SET owner = '' WHERE epoch = ?", (self._epoch,))

    # -- helpers ---------------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; a disk that refuses leaves the ledger as it was. One inside another is a part of it.

        Raises:
            RunTakenOver: this process held the run, and another one holds it now.
        """
        with self.lock, self.said():
            inside: bool = self.db.in_transaction
            if inside:
                yield self.db
                return
            self.db.execute("BEGIN IMMEDIATE")
            try:
                if self._epoch is not None:
                    self.confirm_held()
                    # Whoever writes lives: in a long transaction nothing else can beat.
                    self.db.execute("UPDATE lease SET beat = beat + 1 WHERE epoch = ?", (self._epoch,))
                yield self.db
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    @contextmanager
    def repeating(self) -> Iterator[sqlite3.Connection]:
        """A :meth:`transaction` in which what the audit tells is done once more, and not written into it again."""
        with self.transaction() as db:
            self._repeats = True
            try:
                yield db
            finally:
                self._repeats = False

    def audit(self, event: str, facts: Mapping[str, Any]) -> None:
        """Add a line to the audit; inside a :meth:`transaction`."""
        if self._repeats:
            return
        head = self._audit.append(event, facts)
        value = json.dumps({"seq": head.seq, "hash": head.hash})
        self.db.execute("INSERT OR REPLACE INTO run VALUES (?, ?)", (_AUDIT_HEAD, value))

    def one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row of an answer."""
        with self.lock, self.said():
            row: tuple[Any, ...] | None = self.db.execute(query, values).fetchone()
            return row

    def all(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of an answer."""
        with self.lock, self.said():
            return self.db.execute(query, values).fetchall()

    @contextmanager
    def said(self) -> Iterator[None]:
        """Turn what SQLite says of a disk or a damaged file into an error with a slug."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise  # a bug of ours, which must not look like a broken disk
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    def _damaged(self, error: sqlite3.DatabaseError) -> PackshotError:
        if "locked" in str(error):
            return OutputUnwritable(
                "another process holds the ledger and does not let go of it",
                place=str(self._path),
                remedy="end it if it hangs, and run the same command again",
            )
        if any(word in str(error) for word in ("full", "readonly", "unable to open", "I/O")):
            return OutputUnwritable(
                f"the ledger cannot be written: {error}",
                place=str(self._path),
                remedy="free some space, check the rights",
            )
        return CatalogInvalid(
            f"the ledger cannot be read: {error}",
            place=str(self._path),
            remedy="run the same command again with --rebuild, which makes it anew from the audit;"
            " the pictures are untouched",
        )


def open_to_read(folder: Path) -> sqlite3.Connection:
    """Open a run's ledger to look into it, also while the run goes on.

    Raises:
        sqlite3.Error: there is none, or it is not as :func:`harden` wants it.
    """
    path = folder / FILE_NAME
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        regular = False
    if not regular:
        raise sqlite3.DatabaseError("there is no file")
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)
    db.row_factory = sqlite3.Row
    try:
        harden(db)
    except BaseException:
        db.close()
        raise
    return db


def harden(db: sqlite3.Connection) -> None:
    """Read from a database that others may have made, so that it can neither write, nor run on, nor run anything.

    Whatever SQLite does for this connection from now on ends with the :func:`~...budget.deadline` of its thread. See
    "Defense Against The Dark Arts" in SQLite's documentation.

    Raises:
        sqlite3.Error: it is no database, or it holds what no ledger has, such as a view in the place of a table.
    """
    db.set_progress_handler(lambda: int(seconds_left() <= 0), _STEPS)
    for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON", "mmap_size = 0"):
        db.execute(f"PRAGMA {pragma}")
    if sys.version_info >= (3, 11):
        for category, most in _LIMITS:
            db.setlimit(category, most)
    if sys.version_info >= (3, 12):
        db.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
    # A view or a generated column computes, as long as it likes, what looks as if it were stored.
    row = db.execute(f"SELECT type, name FROM sqlite_master WHERE NOT coalesce({_STORED}, 0) LIMIT 1").fetchone()
    if row is not None:
        raise sqlite3.DatabaseError(f"it holds {str(row[0])[:20]} '{str(row[1])[:80]}', which no ledger has")
    for table in TABLES:
        if any(column[6] for column in db.execute(f"PRAGMA table_xinfo({table})")):
            raise sqlite3.DatabaseError(f"the table '{table}' has columns that are computed, which no ledger has")


def unreadable(folder: Path, error: Exception) -> CatalogInvalid:
    """What SQLite says of a ledger that is only looked into."""
    return CatalogInvalid(f"the ledger cannot be read: {error}", place=str(folder / FILE_NAME), remedy="see its log")
