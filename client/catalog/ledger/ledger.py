"""The ledger of a catalogue run: what is to be made, what was tried, what was accepted.

Whatever is about to happen on a host is written here first, so that a run that is killed at any moment knows afterwards
which jobs it may have left behind.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from ...errors import CatalogInvalid, PackshotError
from .database import FILE_NAME as FILE_NAME
from .database import LedgerFile
from .places import earlier_place, move_picture
from .records import Attempt, Counts, HostState, Judged, LossCause, StoredItem


class Ledger(LedgerFile):
    """The ledger in a run's folder; see :class:`~.database.LedgerFile` for how it is opened.

    Attributes:
        limit: how many items this process makes, from the first in the plan; None for all.
    """

    limit: int | None = None

    # -- items and attempts ----------------------------------------------------------------------------------------

    def retry(self, item_ids: Iterable[str] | None) -> int:
        """Set items to be made again: those named, or else all that failed on a host. Returns how many.

        Raises:
            CatalogInvalid: an item that the run does not have, or whose row was refused.
        """
        with self.transaction():
            if item_ids is None:
                rows = self.all(
                    "SELECT item_id FROM items WHERE state IN ('failed', 'quarantined') AND seed IS NOT NULL"
                )
                wanted = [item_id for (item_id,) in rows]
            else:
                wanted = list(dict.fromkeys(item_ids))
                for item_id in wanted:
                    row = self.one("SELECT seed FROM items WHERE item_id = ?", item_id)
                    if row is None or row[0] is None:
                        raise CatalogInvalid(
                            "the run has no such item" if row is None else "the table's row for it was refused",
                            place=f"'{item_id}'",
                            remedy="see `packshot catalog status`; correct the table and run the catalogue again",
                        )
            for item_id in wanted:
                self.reopen(item_id)
            if wanted:
                self.audit("reopened", {"items": wanted})
        return len(wanted)

    def make_again(self, damaged: Sequence[Mapping[str, str]]) -> None:
        """Set items to be made again whose pictures are not there as they were accepted.

        Args:
            damaged: ``item``, ``file`` and ``what`` of each.
        """
        with self.transaction() as db:
            for picture in damaged:
                self.reopen(picture["item"])
                # What is left of the file is no picture, and is not kept as an earlier one.
                db.execute(
                    "UPDATE attempts SET file = '' WHERE item_id = ? AND file = ?", (picture["item"], picture["file"])
                )
            self.audit("reopened", {"items": [picture["item"] for picture in damaged], "damaged": list(damaged)})

    def reopen(self, item_id: str) -> None:
        """Set an item to be made again as if it had never been tried; inside a :meth:`transaction`."""
        self.db.execute(
            "UPDATE attempts SET outcome = 'replaced' WHERE item_id = ? AND outcome = 'accepted'", (item_id,)
        )
        self.db.execute(
            "UPDATE items SET state = 'pending', error = NULL, change = '{}', tries = 0, losses = 0, deaths = 0"
            " WHERE item_id = ?",
            (item_id,),
        )
        # The seed goes on from where it was: that of the picture which passed, or the next after those that failed.
        self.db.execute("UPDATE judgements SET failures = 0 WHERE item_id = ?", (item_id,))

    def pending(self) -> list[str]:
        """Ids of the items to be made that have no open attempt, in the table's order."""
        return [item_id for item_id, _, _ in self.backlog()]

    def backlog(self) -> list[tuple[str, str, str]]:
        """Id, workflow and model of the items to be made that have no open attempt, in the table's order."""
        return self.all(
            "SELECT item_id, workflow, model FROM items WHERE state = 'pending' AND position <= ifnull(?, position)"
            " AND item_id NOT IN (SELECT item_id FROM attempts WHERE outcome = 'open') ORDER BY position",
            self.limit,
        )

    def suspects(self) -> set[str]:
        """Ids of the items to be made with which hosts were lost."""
        return {item_id for (item_id,) in self.all("SELECT item_id FROM items WHERE state = 'pending' AND losses")}

    def item(self, item_id: str) -> StoredItem:
        """One item."""
        row = self.one(
            "SELECT i.item_id, sku, variant, title, name, inputs, i.seed, workflow, model, axes, change, i.tries,"
            " losses, deaths, ifnull(j.tries, 0), ifnull(failures, 0)"
            " FROM items i LEFT JOIN judgements j USING (item_id) WHERE i.item_id = ?",
            item_id,
        )
        assert row is not None
        values = list(row)
        for at in (5, 9, 10):
            values[at] = json.loads(values[at])
        return replace(StoredItem(*values), private=self.private(item_id))

    def private(self, item_id: str = "") -> dict[str, str]:
        """What no record may show, by name: of an item's inputs, or of the run."""
        return dict(self.all("SELECT name, value FROM private WHERE item_id = ?", item_id))

    def keep_private(self, item_id: str, texts: Mapping[str, str]) -> None:
        """Keep what no record may show, in place of what was kept before; inside a :meth:`transaction`."""
        self.db.execute("DELETE FROM private WHERE item_id = ?", (item_id,))
        self.db.executemany("INSERT INTO private VALUES (?, ?, ?)", [(item_id, *pair) for pair in texts.items()])

    def is_pending(self, item_id: str) -> bool:
        """Whether an item is to be made."""
        return self.one("SELECT 1 FROM items WHERE item_id = ? AND state = 'pending'", item_id) is not None

    def open_attempts(self, host: str | None = None) -> list[Attempt]:
        """Jobs that were started, on one host or any, and whose end was never written down; oldest first."""
        rows = self.all(
            "SELECT prompt_id, item_id, host, boot FROM attempts WHERE outcome = 'open' AND host = coalesce(?, host)"
            " ORDER BY rowid",  # not by the time that they began: the clock may have been set meanwhile
            host,
        )
        return [Attempt(*row) for row in rows]

    def begin(
        self,
        item_id: str,
        prompt_id: str,
        host: str,
        *,
        boot: str = "",
        change: Mapping[str, str] | None = None,
        audit: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down that a job is about to be submitted.

        Args:
            boot: the host's boot id, where it tells one.
            change: what it does otherwise than the item's row says.
            audit: what the audit should know besides: hashes of the graph, of the inputs, and so on.
        """
        with self.transaction() as db:
            db.execute(
                "INSERT INTO attempts (prompt_id, item_id, host, outcome, started, boot, change)"
                " VALUES (?, ?, ?, 'open', ?, ?, ?)",
                (prompt_id, item_id, host, time.time(), boot, _json(change or {})),
            )
            sent = {"item_id": item_id, "prompt_id": prompt_id, "host": host, "boot": boot, **(audit or {})}
            self.audit("sent", sent)

    def unsent(self, prompt_id: str) -> None:
        """Take back :meth:`begin` for a job that certainly never reached a host."""
        with self.transaction() as db:
            db.execute("DELETE FROM attempts WHERE prompt_id = ? AND outcome = 'open'", (prompt_id,))
            self.audit("unsent", {"prompt_id": prompt_id})

    def outdated(self, item_id: str) -> None:
        """A job that is still on a host was sent for the item's row as it was; inside a :meth:`transaction`.

        Whatever it gives is not this row's picture.
        """
        self.db.execute(
            "UPDATE attempts SET outcome = 'replaced', reason = 'its row was changed'"
            " WHERE item_id = ? AND outcome = 'open'",
            (item_id,),
        )

    def lost(self, prompt_id: str, reason: str, cause: LossCause, *, alone: bool) -> None:
        """The job is lost; its item is to be made again, and this counts as an extra run.

        Args:
            alone: whether no other job was open on the host.
        """
        with self.transaction() as db:
            self._end(prompt_id, "lost", reason, cause)
            if cause in ("died", "away"):
                deaths = int(alone and cause == "died")
                db.execute(
                    f"UPDATE items SET losses = losses + 1, deaths = deaths + ? {_OF_ATTEMPT}", (deaths, prompt_id)
                )
            self.audit("lost", {"prompt_id": prompt_id, "reason": reason, "cause": cause, "alone": alone})

    def found_dead(self, prompt_id: str, *, alone: bool) -> None:
        """A host that was away with a job had died: it is back, and has no record of the job."""
        with self.transaction() as db:
            found = db.execute(
                "UPDATE attempts SET slug = 'died' WHERE prompt_id = ? AND outcome = 'lost' AND slug = 'away'",
                (prompt_id,),
            )
            if found.rowcount:
                db.execute(f"UPDATE items SET deaths = deaths + ? {_OF_ATTEMPT}", (int(alone), prompt_id))
                self.audit("found-dead", {"prompt_id": prompt_id, "alone": alone})

    def again(
        self, prompt_id: str, error: PackshotError, change: Mapping[str, str], seconds: float | None = None
    ) -> None:
        """The attempt failed after so long, and its item is to be tried again with ``change``."""
        with self.transaction() as db:
            self._end(prompt_id, "failed", str(error), error.slug, seconds)
            db.execute(f"UPDATE items SET tries = tries + 1, change = ? {_OF_ATTEMPT}", (_json(change), prompt_id))
            self.audit("again", {"prompt_id": prompt_id, "error": error.as_dict(), "change": dict(change)})

    def accept(
        self,
        prompt_id: str,
        file: str,
        sha256: str,
        seconds: float | None,
        *,
        detail: Mapping[str, Any] | None = None,
        audit: Mapping[str, Any] | None = None,
        judged: Judged | None = None,
        publish: Callable[[], None] | None = None,
    ) -> None:
        """The picture is on disk, and passed where it was judged: the item is done.

        Args:
            detail: what the job's record holds besides, kept for reports.
            audit: what the audit should know besides.
            publish: puts the files into their places; called when this process is sure to be the one that may. None
                where they lie there already.
        """
        with self.transaction() as db:
            self._end(prompt_id, "accepted", "", "", seconds, file, sha256, detail)
            if judged is not None:
                self._judged(prompt_id, judged, failures=0)
            db.execute(
                f"UPDATE items SET state = 'done', error = NULL, file = ?, sha256 = ? {_OF_ATTEMPT}",
                (file, sha256, prompt_id),
            )
            self._keep_earlier(prompt_id, publish is not None)
            if publish is not None:
                publish()
            self._stamp(prompt_id, file)
            row = self.one("SELECT item_id, host, boot FROM attempts WHERE prompt_id = ?", prompt_id)
            assert row is not None
            done = {"item_id": row[0], "prompt_id": prompt_id, "host": row[1], "boot": row[2]}
            output = {"file": file, "sha256": sha256, "seconds": seconds}
            self.audit("accepted", {**done, **output, **_told(judged), **(audit or {})})

    def _stamp(self, prompt_id: str, file: str) -> None:
        """Remember how the accepted file looks, and forget what was private of its row: it is not needed any more."""
        (item_id,) = self.all("SELECT item_id FROM attempts WHERE prompt_id = ?", prompt_id)[0]
        with contextlib.suppress(OSError):  # gone already: the next look at the pictures says so
            status = (self.folder / file).stat()
            self.db.execute(
                "INSERT OR REPLACE INTO stamps VALUES (?, ?, ?)", (item_id, status.st_size, status.st_mtime_ns)
            )
        self.db.execute("DELETE FROM private WHERE item_id = ?", (item_id,))

    def reject(
        self, prompt_id: str, file: str, sha256: str, seconds: float | None, judged: Judged, error: PackshotError
    ) -> None:
        """The picture failed its checks: its item is to be made with the next seed."""
        with self.transaction():
            self._end(prompt_id, "rejected", str(error), error.slug, seconds, file, sha256)
            self._judged(prompt_id, judged, failures=1)
            output = {"file": file, "sha256": sha256, "seconds": seconds}
            self.audit("rejected", {"prompt_id": prompt_id, **output, **_told(judged), "error": error.as_dict()})

    def quarantine(
        self,
        prompt_id: str,
        file: str,
        sha256: str,
        seconds: float | None,
        judged: Judged,
        error: PackshotError,
        publish: Callable[[], None] | None = None,
        *,
        audit: Mapping[str, Any] | None = None,
    ) -> None:
        """The picture failed its checks and no other seed is left to try: it is kept, apart and with the reason."""
        with self.transaction() as db:
            self._end(prompt_id, "rejected", str(error), error.slug, seconds, file, sha256)
            self._judged(prompt_id, judged, failures=1)
            db.execute(
                f"UPDATE items SET state = 'quarantined', error = ?, file = ?, sha256 = ? {_OF_ATTEMPT}",
                (_as_json(error), file, sha256, prompt_id),
            )
            self._keep_earlier(prompt_id, publish is not None)
            if publish is not None:
                publish()
            output = {"file": file, "sha256": sha256, "seconds": seconds}
            ended = {"prompt_id": prompt_id, **output, **_told(judged), "error": error.as_dict(), **(audit or {})}
            self.audit("quarantined", ended)

    def _keep_earlier(self, prompt_id: str, move: bool) -> None:
        """Give the earlier pictures of an attempt's item places of their own, before its picture takes theirs.

        Args:
            move: move the files there; otherwise they are only looked for.
        """
        earlier = self.all(
            "SELECT prompt_id, file FROM attempts WHERE file != '' AND outcome IN ('replaced', 'rejected') AND"
            " item_id = (SELECT item_id FROM attempts WHERE prompt_id = ?) AND prompt_id != ? ORDER BY rowid DESC",
            prompt_id,
            prompt_id,
        )
        taken: set[str] = set()
        for earlier_id, file in earlier:
            place = earlier_place(file, earlier_id)
            if place == file:
                continue
            # Of several attempts that name one file, it is the latest one's; those of the others are gone.
            if move and file not in taken:
                move_picture(self.folder, file, place, earlier_id)
            kept = place if (self.folder / place).is_file() else ""
            taken.add(file)
            self.db.execute("UPDATE attempts SET file = ? WHERE prompt_id = ?", (kept, earlier_id))

    def _judged(self, prompt_id: str, judged: Judged, *, failures: int) -> None:
        """Write down what the checks said, and how many of the item's seeds have failed."""
        self.db.execute(
            "INSERT INTO judgements SELECT item_id, prompt_id, ?, ?, ?, ? FROM attempts WHERE prompt_id = ?"
            " ON CONFLICT (item_id) DO UPDATE SET prompt_id = excluded.prompt_id, seed = excluded.seed,"
            " tries = tries + excluded.tries, failures = failures + excluded.failures, scores = excluded.scores",
            (failures, failures, judged.seed, _json(list(judged.scores)), prompt_id),
        )

    def fail(
        self, item_id: str, error: PackshotError, prompt_id: str | None = None, seconds: float | None = None
    ) -> None:
        """The item cannot be made, for the reason given; the last attempt at it took so long."""
        with self.transaction() as db:
            if prompt_id is not None:
                self._end(prompt_id, "failed", str(error), error.slug, seconds)
            db.execute("UPDATE items SET state = 'failed', error = ? WHERE item_id = ?", (_as_json(error), item_id))
            self.audit("failed", {"item_id": item_id, "prompt_id": prompt_id, "error": error.as_dict()})

    def _end(
        self,
        prompt_id: str,
        outcome: str,
        reason: str,
        slug: str,
        seconds: float | None = None,
        file: str = "",
        sha256: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        self.db.execute(
            "UPDATE attempts SET outcome = ?, reason = ?, slug = ?, ended = ?, seconds = ?, file = ?, sha256 = ?,"
            " detail = ? WHERE prompt_id = ?",
            (outcome, reason, slug, time.time(), seconds, file, sha256, _json(detail or {}), prompt_id),
        )

    # -- hosts -----------------------------------------------------------------------------------------------------

    def want_host(self, url: str, wanted: bool) -> None:
        """Ask a run to use a host, or to leave it alone once its jobs there are done. Any process may."""
        with self.lock, self.said():
            self.db.execute(
                "INSERT INTO hosts (url, wanted, since) VALUES (?, ?, ?)"
                " ON CONFLICT (url) DO UPDATE SET wanted = excluded.wanted",
                (url, int(wanted), time.time()),
            )

    def host_is(self, url: str, state: str, fault: str = "") -> None:
        """Write down how a host is, and what went wrong with it."""
        with self.transaction() as db:
            row = self.one("SELECT faults FROM hosts WHERE url = ?", url)
            faults = json.loads(row[0]) if row else []
            if fault:
                faults = [*faults, {"at": round(time.time()), "reason": fault}][-10:]
            db.execute(
                "INSERT INTO hosts (url, state, since, faults) VALUES (?, ?, ?, ?) ON CONFLICT (url) DO UPDATE"
                " SET state = excluded.state, since = excluded.since, faults = excluded.faults",
                (url, state, time.time(), _json(faults)),
            )

    def hosts(self) -> list[HostState]:
        """Every host that the run knows, and what it made."""
        rows = self.all(
            "SELECT url, wanted, state, since,"
            " (SELECT count(*) FROM attempts WHERE host = url AND outcome = 'accepted'), faults FROM hosts ORDER BY url"
        )
        return [
            HostState(url, bool(wanted), state, since, made, json.loads(faults))
            for url, wanted, state, since, made, faults in rows
        ]

    # -- looking ---------------------------------------------------------------------------------------------------

    def counts(self) -> Counts:
        """Where the run stands."""
        states: dict[str, int] = dict(self.all("SELECT state, count(*) FROM items GROUP BY state"))
        row = self.one(
            "SELECT count(*) FILTER (WHERE outcome = 'open'), count(*) FILTER (WHERE outcome = 'lost'),"
            " avg(seconds) FILTER (WHERE outcome = 'accepted') FROM attempts"
        )
        assert row is not None
        running, extra, mean = row
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
            "SELECT i.*, a.host, a.prompt_id, a.seconds, a.detail, j.scores, ifnull(j.seed, i.seed) AS made_with,"
            " (SELECT count(*) FROM attempts t WHERE t.item_id = i.item_id) AS attempts,"
            " EXISTS (SELECT 1 FROM attempts t WHERE t.item_id = i.item_id AND t.outcome = 'open') AS running"
            " FROM items i LEFT JOIN judgements j ON j.item_id = i.item_id AND i.state IN ('done', 'quarantined')"
            " LEFT JOIN attempts a ON a.item_id = i.item_id"
            " AND (a.outcome = 'accepted' OR i.state = 'quarantined' AND a.prompt_id = j.prompt_id)"
            " ORDER BY i.position"
        )
        with closing(self.db.cursor()) as cursor:
            cursor.execute(query)
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield dict(zip(names, row, strict=True))

    def failures_of(self, item: StoredItem) -> list[str]:
        """Slugs of the failures at an item since it was last set to be made, oldest first."""
        rows = self.all(
            "SELECT slug FROM attempts WHERE item_id = ? AND outcome = 'failed' ORDER BY rowid DESC LIMIT ?",
            item.item_id,
            item.tries,
        )
        return [slug for (slug,) in reversed(rows)]

    def attempts_of(self, item_id: str) -> list[dict[str, Any]]:
        """All attempts at an item, oldest first: outcome, reason with its slug, host, seconds, change, file."""
        rows = self.all(f"SELECT {', '.join(_ATTEMPT)} FROM attempts WHERE item_id = ? ORDER BY rowid", item_id)
        return [dict(zip(_ATTEMPT, row, strict=True)) for row in rows]


def _told(judged: Judged | None) -> dict[str, Any]:
    """What the audit is told of a picture that was judged, so that a ledger can be made anew from it."""
    return {} if judged is None else {"seed": judged.seed, "checks": list(judged.scores)}


_ATTEMPT = (
    "prompt_id", "outcome", "reason", "slug", "host", "started", "seconds", "change", "file", "sha256", "detail",
)  # fmt: skip
_OF_ATTEMPT = "WHERE item_id = (SELECT item_id FROM attempts WHERE prompt_id = ?)"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _as_json(error: PackshotError) -> str:
    return json.dumps(error.as_dict(), ensure_ascii=False)
