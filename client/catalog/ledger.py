"""The ledger of a catalogue run: what is to be made, what was tried, what was accepted.

One SQLite file in the run's folder. Whatever is about to happen on a host is written here first, so that a run that is
killed at any moment knows afterwards which jobs it may have left behind.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import CatalogInvalid, OutputUnwritable, PackshotError
from ..paths import writing
from .plan import Plan

FILE_NAME = "ledger.sqlite"
_VERSION = 2
_SCHEMA = """
CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE items (
    item_id TEXT PRIMARY KEY, position INTEGER NOT NULL, sku TEXT NOT NULL, variant TEXT NOT NULL, title TEXT NOT NULL,
    name TEXT NOT NULL, place TEXT NOT NULL, inputs TEXT NOT NULL, seed INTEGER,
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'failed', 'quarantined')),
    error TEXT, file TEXT, sha256 TEXT
) STRICT;
CREATE INDEX items_by_state ON items (state, position);
CREATE TABLE attempts (
    prompt_id TEXT PRIMARY KEY, item_id TEXT NOT NULL REFERENCES items, host TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('open', 'accepted', 'failed', 'lost', 'replaced')),
    reason TEXT NOT NULL DEFAULT '', started REAL NOT NULL, ended REAL, seconds REAL
) STRICT;
CREATE INDEX attempts_by_item ON attempts (item_id);
CREATE INDEX attempts_open ON attempts (outcome) WHERE outcome = 'open';
CREATE UNIQUE INDEX one_accepted_picture ON attempts (item_id) WHERE outcome = 'accepted';
"""
_JUDGEMENTS = """
CREATE TABLE judgements (
    item_id TEXT PRIMARY KEY REFERENCES items ON DELETE CASCADE, prompt_id TEXT NOT NULL,
    tries INTEGER NOT NULL, failures INTEGER NOT NULL, seed INTEGER NOT NULL, scores TEXT NOT NULL
) STRICT
"""  # since version 2


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item as the ledger holds it.

    Attributes:
        inputs: texts by workflow input.
        seed: its own; None for a refused row.
        tries: pictures of it that failed their checks, which is how many seeds are used up.
        failures: those of them since it was last set to be made.
    """

    item_id: str
    sku: str
    variant: str
    title: str
    name: str
    inputs: Mapping[str, str]
    seed: int | None
    tries: int
    failures: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """A job that was started for an item: its id on the host, and the host's address."""

    prompt_id: str
    item_id: str
    host: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A picture that went through the gate: the seed that it was made with, and what each check said of it."""

    seed: int
    scores: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Counts:
    """Where a run stands.

    Attributes:
        rows: items in all; ``pending`` and ``running`` (an attempt is open) are not done yet.
        extra_runs: attempts that were given up as lost and made again. The host may have run them or not.
        seconds_per_row: mean execution time on the host of the accepted pictures, None before the first.
    """

    rows: int
    done: int
    failed: int
    quarantined: int
    pending: int
    running: int
    extra_runs: int
    seconds_per_row: float | None

    def as_dict(self) -> dict[str, Any]:
        """The object that ``packshot catalog status --json`` prints."""
        return {name: getattr(self, name) for name in self.__slots__}


class Ledger:
    """The ledger in ``folder``, made when it is not there.

    Args:
        folder: the run's folder.
        create: make a new ledger where there is none.

    Raises:
        CatalogInvalid: there is none, or it is damaged, or of a newer Packshot.
        OutputUnwritable: the folder or the disk refuses.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self._path = folder / FILE_NAME
        if not create and not self._path.is_file():
            raise CatalogInvalid(
                "there is no catalogue run in this folder",
                place=str(folder),
                remedy="give the --out folder of an earlier `packshot catalog run`",
            )
        with writing(self._path):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(self._path, isolation_level=None, timeout=30.0)
            # FULL: a committed row survives a power cut. One commit costs a few milliseconds, a picture costs seconds.
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    def _prepare(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise CatalogInvalid(
                "the ledger was written by a newer Packshot", place=str(self._path), remedy="upgrade Packshot"
            )
        if version < _VERSION:
            with self._transaction():
                for statement in [*(_SCHEMA.split(";") if version == 0 else []), _JUDGEMENTS]:
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        """Close the file; everything is on disk already."""
        self._db.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- the run ---------------------------------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """What the run is: workflow, brand, base seed and so on; empty for a new ledger."""
        return {key: json.loads(value) for key, value in self._db.execute("SELECT key, value FROM run")}

    def record_facts(self, facts: Mapping[str, Any]) -> None:
        """Write down what the run is."""
        rows = [(key, json.dumps(value, ensure_ascii=False)) for key, value in facts.items()]
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO run VALUES (?, ?)", rows)

    def plan(self, plan: Plan) -> None:
        """Bring the items in line with a plan.

        New rows are added. A row whose inputs or seed changed is to be made again. A refused row is recorded as failed
        with its reason. A row that is no longer in the table is dropped from the run when it has no picture.
        """
        with self._transaction():
            self._db.execute("CREATE TEMP TABLE seen (item_id TEXT PRIMARY KEY)")
            position = 0
            for item in plan.items:
                position += 1
                self._db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (item.item_id,))
                inputs = json.dumps(dict(item.inputs), ensure_ascii=False)
                fields = (item.sku, item.variant, item.title, item.name, item.place)
                row = self._db.execute("SELECT inputs, seed FROM items WHERE item_id = ?", (item.item_id,)).fetchone()
                if row is None:
                    self._db.execute(
                        "INSERT INTO items (item_id, position, sku, variant, title, name, place, inputs, seed, state)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending')",
                        (item.item_id, position, *fields, inputs, item.seed),
                    )
                    continue
                self._db.execute(
                    "UPDATE items SET position = ?, sku = ?, variant = ?, title = ?, name = ?, place = ?"
                    " WHERE item_id = ?",
                    (position, *fields, item.item_id),
                )
                if row != (inputs, item.seed):
                    self._db.execute(
                        "UPDATE items SET inputs = ?, seed = ? WHERE item_id = ?", (inputs, item.seed, item.item_id)
                    )
                    self._db.execute("DELETE FROM judgements WHERE item_id = ?", (item.item_id,))
                    self._reopen(item.item_id)
            for problem in plan.problems:
                position += 1
                # The row of a product that stands in the table twice is refused; the product itself is not.
                taken = self._db.execute("SELECT 1 FROM seen WHERE item_id = ?", (problem.item_id,)).fetchone()
                item_id = problem.place if taken or not problem.item_id else problem.item_id
                error = CatalogInvalid(problem.message, place=problem.place, remedy=problem.remedy)
                self._db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (item_id,))
                self._db.execute(
                    "INSERT INTO items (item_id, position, sku, variant, title, name, place, inputs, state, error)"
                    " VALUES (?, ?, ?, '', '', '', ?, '{}', 'failed', ?) ON CONFLICT (item_id) DO UPDATE"
                    " SET position = excluded.position, state = 'failed', error = excluded.error, seed = NULL",
                    (item_id, position, problem.item_id, problem.place, _as_json(error)),
                )
            # A picture that was made is kept, in its file and here, though its row has gone from the table.
            gone = "item_id IN (SELECT item_id FROM items WHERE state != 'done' EXCEPT SELECT item_id FROM seen)"
            self._db.execute(f"DELETE FROM attempts WHERE {gone}")
            self._db.execute(f"DELETE FROM items WHERE {gone}")
            self._db.execute("DROP TABLE seen")

    def retry(self, item_ids: Iterable[str] | None) -> int:
        """Set items to be made again: those named, or else all that failed on a host. Returns how many.

        Raises:
            CatalogInvalid: an item that the run does not have, or whose row was refused.
        """
        with self._transaction():
            if item_ids is None:
                rows = self._db.execute(
                    "SELECT item_id FROM items WHERE state IN ('failed', 'quarantined') AND seed IS NOT NULL"
                )
                wanted = [item_id for (item_id,) in rows.fetchall()]
            else:
                wanted = list(dict.fromkeys(item_ids))
                for item_id in wanted:
                    row = self._db.execute("SELECT seed FROM items WHERE item_id = ?", (item_id,)).fetchone()
                    if row is None or row[0] is None:
                        raise CatalogInvalid(
                            "the run has no such item" if row is None else "the table's row for it was refused",
                            place=f"'{item_id}'",
                            remedy="see `packshot catalog status`; correct the table and run the catalogue again",
                        )
            for item_id in wanted:
                self._reopen(item_id)
        return len(wanted)

    def _reopen(self, item_id: str) -> None:
        self._db.execute(
            "UPDATE attempts SET outcome = 'replaced' WHERE item_id = ? AND outcome = 'accepted'", (item_id,)
        )
        self._db.execute(
            "UPDATE items SET state = 'pending', error = NULL WHERE item_id = ?",
            (item_id,),
        )
        # The seed goes on from where it was: that of the picture which passed, or the next after those that failed.
        self._db.execute("UPDATE judgements SET failures = 0 WHERE item_id = ?", (item_id,))

    # -- items and attempts ----------------------------------------------------------------------------------------

    def pending(self) -> list[str]:
        """Ids of the items to be made that have no open attempt, in the table's order."""
        rows = self._db.execute(
            "SELECT item_id FROM items WHERE state = 'pending' AND item_id NOT IN"
            " (SELECT item_id FROM attempts WHERE outcome = 'open') ORDER BY position"
        )
        return [item_id for (item_id,) in rows]

    def item(self, item_id: str) -> StoredItem:
        """One item."""
        row = self._db.execute(
            "SELECT i.item_id, sku, variant, title, name, inputs, i.seed, ifnull(tries, 0), ifnull(failures, 0)"
            " FROM items i LEFT JOIN judgements USING (item_id) WHERE i.item_id = ?",
            (item_id,),
        ).fetchone()
        item_id, sku, variant, title, name, inputs, *counted = row
        return StoredItem(item_id, sku, variant, title, name, json.loads(inputs), *counted)

    def open_attempts(self) -> list[Attempt]:
        """Jobs that were started and whose end was never written down, oldest first."""
        rows = self._db.execute(
            "SELECT prompt_id, item_id, host FROM attempts WHERE outcome = 'open' ORDER BY started, rowid"
        )
        return [Attempt(*row) for row in rows]

    def begin(self, item_id: str, prompt_id: str, host: str) -> None:
        """Write down that a job is about to be submitted."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO attempts (prompt_id, item_id, host, outcome, started) VALUES (?, ?, ?, 'open', ?)",
                (prompt_id, item_id, host, time.time()),
            )

    def unsent(self, prompt_id: str) -> None:
        """Take back :meth:`begin` for a job that certainly never reached a host."""
        with self._transaction():
            self._db.execute("DELETE FROM attempts WHERE prompt_id = ? AND outcome = 'open'", (prompt_id,))

    def lost(self, prompt_id: str, reason: str) -> None:
        """The host has no record of the job; its item is to be made again, and this counts as an extra run."""
        with self._transaction():
            self._end(prompt_id, "lost", reason, None)

    def accept(
        self, prompt_id: str, file: str, sha256: str, seconds: float | None, judged: Judged | None = None
    ) -> None:
        """The picture is on disk, and passed where it was judged: the item is done."""
        with self._transaction():
            self._end(prompt_id, "accepted", "", seconds)
            if judged is not None:
                self._judged(prompt_id, judged, failures=0)
            self._db.execute(
                "UPDATE items SET state = 'done', error = NULL, file = ?, sha256 = ?"
                " WHERE item_id = (SELECT item_id FROM attempts WHERE prompt_id = ?)",
                (file, sha256, prompt_id),
            )

    def reject(self, prompt_id: str, error: PackshotError, seconds: float | None, judged: Judged) -> None:
        """The picture failed its checks: its item is to be made with the next seed."""
        with self._transaction():
            self._end(prompt_id, "failed", str(error), seconds)
            self._judged(prompt_id, judged, failures=1)

    def quarantine(
        self, prompt_id: str, file: str, sha256: str, seconds: float | None, judged: Judged, error: PackshotError
    ) -> None:
        """The picture failed its checks and no other seed is left to try: it is kept, apart and with the reason."""
        with self._transaction():
            self._end(prompt_id, "failed", str(error), seconds)
            self._judged(prompt_id, judged, failures=1)
            self._db.execute(
                "UPDATE items SET state = 'quarantined', error = ?, file = ?, sha256 = ?"
                " WHERE item_id = (SELECT item_id FROM attempts WHERE prompt_id = ?)",
                (_as_json(error), file, sha256, prompt_id),
            )

    def _judged(self, prompt_id: str, judged: Judged, *, failures: int) -> None:
        """Write down what the checks said, and how many of the item's seeds have failed."""
        self._db.execute(
            "INSERT INTO judgements SELECT item_id, prompt_id, ?, ?, ?, ? FROM attempts WHERE prompt_id = ?"
            " ON CONFLICT (item_id) DO UPDATE SET prompt_id = excluded.prompt_id, seed = excluded.seed,"
            " tries = tries + excluded.tries, failures = failures + excluded.failures, scores = excluded.scores",
            (failures, failures, judged.seed, json.dumps(list(judged.scores), ensure_ascii=False), prompt_id),
        )

    def fail(self, item_id: str, error: PackshotError, prompt_id: str | None = None) -> None:
        """The item cannot be made, for the reason given."""
        with self._transaction():
            if prompt_id is not None:
                self._end(prompt_id, "failed", str(error), None)
            self._db.execute(
                "UPDATE items SET state = 'failed', error = ? WHERE item_id = ?", (_as_json(error), item_id)
            )

    def _end(self, prompt_id: str, outcome: str, reason: str, seconds: float | None) -> None:
        self._db.execute(
            "UPDATE attempts SET outcome = ?, reason = ?, ended = ?, seconds = ? WHERE prompt_id = ?",
            (outcome, reason, time.time(), seconds, prompt_id),
        )

    # -- looking ---------------------------------------------------------------------------------------------------

    def counts(self) -> Counts:
        """Where the run stands."""
        states: dict[str, int] = dict(self._db.execute("SELECT state, count(*) FROM items GROUP BY state").fetchall())
        running, extra, mean = self._db.execute(
            "SELECT count(*) FILTER (WHERE outcome = 'open'), count(*) FILTER (WHERE outcome = 'lost'),"
            " avg(seconds) FILTER (WHERE outcome = 'accepted') FROM attempts"
        ).fetchone()
        return Counts(
            rows=sum(states.values()),
            done=states.get("done", 0),
            failed=states.get("failed", 0),
            quarantined=states.get("quarantined", 0),
            pending=states.get("pending", 0) - running,
            running=running,
            extra_runs=extra,
            seconds_per_row=None if mean is None else round(mean, 3),
        )

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every item with the attempt that its picture is from and what the checks said of it, in the table's order.

        ``made_with`` is the seed of that picture; for one that was not judged, the item's own.
        """
        query = (
            "SELECT i.*, a.host, a.prompt_id, a.seconds, j.scores, ifnull(j.seed, i.seed) AS made_with,"
            " (SELECT count(*) FROM attempts t WHERE t.item_id = i.item_id) AS attempts,"
            " EXISTS (SELECT 1 FROM attempts t WHERE t.item_id = i.item_id AND t.outcome = 'open') AS running"
            " FROM items i LEFT JOIN judgements j ON j.item_id = i.item_id AND i.state IN ('done', 'quarantined')"
            " LEFT JOIN attempts a ON a.item_id = i.item_id"
            " AND (a.outcome = 'accepted' OR i.state = 'quarantined' AND a.prompt_id = j.prompt_id)"
            " ORDER BY i.position"
        )
        with closing(self._db.cursor()) as cursor:
            cursor.execute(query)
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield dict(zip(names, row, strict=True))

    # -- helpers ---------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; a disk that refuses leaves the ledger as it was."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise self._damaged(error) from error

    def _damaged(self, error: sqlite3.DatabaseError) -> PackshotError:
        if any(word in str(error) for word in ("full", "readonly", "unable to open", "I/O", "locked")):
            return OutputUnwritable(
                f"the ledger cannot be written: {error}",
                place=str(self._path),
                remedy="free some space, check the rights",
            )
        return CatalogInvalid(
            f"the ledger cannot be read: {error}",
            place=str(self._path),
            remedy="choose another --out; the pictures in this folder are untouched",
        )


def _as_json(error: PackshotError) -> str:
    return json.dumps(error.as_dict(), ensure_ascii=False)
