"""The file of a ledger: one SQLite database in the run's folder, its transactions, and who may write to it.

What happens is also written into the audit, inside the same transaction: the audit may be ahead of the ledger by what a
crash undid, never behind.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from ...budget import seconds_left
from ...errors import CatalogInvalid, OutputUnwritable, PackshotError, RunTakenOver
from ...paths import writing
from ..sealing.anchors import Anchor, keep_anchor
from ..sealing.key import AuditKey
from .audit import AuditLog, Head
from .records import Holder
from .schema import TABLES, VERSION, bring_up_to_date

FILE_NAME = "ledger.sqlite"
_L = TypeVar("_L", bound="LedgerFile")
_WAL = 4 << 20  # bytes that the log beside the file keeps once what it held is in the file
_HELD = 30.0  # seconds that another process may hold the file
_AUDIT_HEAD = "audit"  # where the run table keeps the audit's last line
_ID = "id"
_SEAL_EVERY = 60.0  # seconds; a signature takes about 0.1 ms, its anchor a few

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
        read_only: change nothing, not even beside the file: a read-only mount and another user's folder will do. A
            ledger of an earlier Packshot is read from a copy in memory that was brought up to date.

    Raises:
        CatalogInvalid: there is none, or it is damaged, or of a newer Packshot.
        OutputUnwritable: the folder or the disk refuses.
    """

    def __init__(self, folder: Path, *, create: bool = False, read_only: bool = False) -> None:
        self.folder = folder
        self._path = folder / FILE_NAME
        if not create and not self._path.is_file():
            raise CatalogInvalid(
                "there is no catalogue run in this folder",
                place=str(folder),
                remedy="give the --out folder of an earlier `packshot catalog run`",
            )
        if not read_only:
            with writing(self._path):
                folder.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self._audit = AuditLog(folder)
        self._key: AuditKey | None = None
        self._next_seal = 0.0
        self._epoch: int | None = None
        self._repeats = False
        try:
            if read_only:
                self._open_to_read()
            else:
                self._open_to_write()
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    def _open_to_write(self) -> None:
        self.db = sqlite3.connect(self._path, isolation_level=None, timeout=_HELD, check_same_thread=False)
        # FULL: a committed row survives a power cut. One commit costs a few milliseconds, a picture costs seconds.
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute(f"PRAGMA journal_size_limit = {_WAL}")
        self.db.execute("PRAGMA secure_delete = ON")  # a secret that is removed leaves no bytes in a free page
        self._prepare()
        self.db.execute("PRAGMA foreign_keys = ON")

    def _open_to_read(self) -> None:
        self.db = open_to_read(self.folder)
        self.db.row_factory = None
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if version < VERSION:
            copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            with closing(self.db) as older:
                older.backup(copy)
            self.db = copy
        self._prepare()

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
                self.db.execute(f"PRAGMA busy_timeout = {round(_HELD * 1000)}")

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
        rows = self.all("SELECT key, value FROM run WHERE key NOT IN (?, ?)", _AUDIT_HEAD, _ID)
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
        key = self._key
        prove = None if key is None else lambda line: {"code": key.code(line)}
        self._keep_head(self._audit.append(event, facts, prove=prove))
        if key is not None and time.monotonic() >= self._next_seal:
            self.seal({})

    def sign_with(self, key: AuditKey) -> None:
        """Prove from now on, in every line of the audit, who wrote it, and seal it from time to time."""
        self._key, self._next_seal = key, 0.0

    def seal(self, facts: Mapping[str, Any]) -> None:
        """Sign all of the audit, in a line of its own, and anchor it outside the folder; inside a :meth:`transaction`.

        Does nothing where no key signs.
        """
        key = self._key
        if key is None:
            return
        self._next_seal = time.monotonic() + _SEAL_EVERY
        whole = {"run": self.run_id(), "key": key.public, **facts}
        head = self._audit.append("sealed", whole, prove=lambda line: {"signature": key.sign(line)})
        self._keep_head(head)
        keep_anchor(Anchor(whole["run"], str(self.folder.absolute()), head.seq, head.hash, key.public))

    def run_id(self) -> str:
        """The run's id, drawn when it is first asked for: 32 hexadecimal digits; inside a :meth:`transaction`."""
        self.db.execute("INSERT OR IGNORE INTO run VALUES (?, ?)", (_ID, json.dumps(uuid.uuid4().hex)))
        return self.known_run_id()

    def known_run_id(self) -> str:
        """The run's id; empty where it was never asked for."""
        row = self.one("SELECT value FROM run WHERE key = ?", _ID)
        return "" if row is None else str(json.loads(row[0]))

    def _keep_head(self, head: Head) -> None:
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
    """Open a run's ledger to look into it, also while the run goes on, and where nothing may be written.

    Raises:
        sqlite3.Error: there is none, or it is not as :func:`harden` wants it.
    """
    path = folder / FILE_NAME
    require_regular(path)
    db = _connect_to_read(path.absolute())
    db.row_factory = sqlite3.Row
    try:
        harden(db)
    except BaseException:
        db.close()
        raise
    return db


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """Connect to a database that is only read.

    SQLite wants to write beside a database to read it. Where it may not, the file is read as one that nobody changes;
    and where a process that ended early has left a log beside it, from a copy of both in memory.
    """
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_PATIENCE, check_same_thread=False)
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        db.close()
        if "locked" in str(error):
            raise
        return _connect_to_unchanging(path)
    return db


def _connect_to_unchanging(path: Path) -> sqlite3.Connection:
    log = path.with_name(f"{path.name}-wal")
    if not log.is_file() or log.stat().st_size == 0:
        return sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    with tempfile.TemporaryDirectory(prefix="packshot-") as copied:
        for file in (path, log):
            shutil.copyfile(file, Path(copied) / file.name)
        with closing(sqlite3.connect(Path(copied) / path.name)) as copy:
            copy.backup(memory)
    return memory


def require_regular(path: Path) -> None:
    """Refuse a database that is no file, or that has a pipe or a device in the place of a file of SQLite's beside it.

    SQLite would wait for a pipe for ever.

    Raises:
        sqlite3.DatabaseError: it is not there, or not regular.
    """
    for suffix in ("", "-wal", "-shm", "-journal"):
        file = path.with_name(path.name + suffix)
        try:
            regular = stat.S_ISREG(file.stat().st_mode)
        except FileNotFoundError:
            regular = suffix != ""
        except OSError:
            regular = False
        if not regular:
            raise sqlite3.DatabaseError(f"'{file.name}' is no file")


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
