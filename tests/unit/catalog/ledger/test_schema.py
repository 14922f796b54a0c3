"""A ledger of an earlier version is brought up to date."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.runner.failures import Limits, past

VERSION_1 = """
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
INSERT INTO run VALUES ('base_seed', '7');
INSERT INTO items VALUES ('A', 1, 'A', '', 'Mug', 'A', 'row 2', '{"prompt": "a mug"}', 5, 'done', NULL, 'A.png', 'aa');
INSERT INTO items VALUES ('B', 2, 'B', '', 'Cup', 'B', 'row 3', '{"prompt": "a cup"}', 6, 'pending', NULL, NULL, NULL);
INSERT INTO attempts VALUES ('job-a', 'A', 'http://h', 'accepted', '', 1.0, 2.0, 0.5);
INSERT INTO attempts VALUES ('job-b', 'B', 'http://h', 'open', '', 3.0, NULL, NULL);
PRAGMA user_version = 1;
"""

VERSION_2 = """
CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE items (
    item_id TEXT PRIMARY KEY, position INTEGER NOT NULL, sku TEXT NOT NULL, variant TEXT NOT NULL, title TEXT NOT NULL,
    name TEXT NOT NULL, place TEXT NOT NULL, inputs TEXT NOT NULL, seed INTEGER,
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'failed', 'quarantined')),
    error TEXT, file TEXT, sha256 TEXT,
    workflow TEXT NOT NULL DEFAULT '', model TEXT NOT NULL DEFAULT '', axes TEXT NOT NULL DEFAULT '{}',
    change TEXT NOT NULL DEFAULT '{}', tries INTEGER NOT NULL DEFAULT 0, losses INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX items_by_state ON items (state, position);
CREATE TABLE attempts (
    prompt_id TEXT PRIMARY KEY, item_id TEXT NOT NULL REFERENCES items, host TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('open', 'accepted', 'failed', 'lost', 'replaced', 'rejected')),
    reason TEXT NOT NULL DEFAULT '', started REAL NOT NULL, ended REAL, seconds REAL,
    boot TEXT NOT NULL DEFAULT '', change TEXT NOT NULL DEFAULT '{}', file TEXT NOT NULL DEFAULT '',
    sha256 TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX attempts_by_item ON attempts (item_id);
CREATE INDEX attempts_open ON attempts (outcome) WHERE outcome = 'open';
CREATE UNIQUE INDEX one_accepted_picture ON attempts (item_id) WHERE outcome = 'accepted';
CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL, owner TEXT NOT NULL, machine TEXT NOT NULL,
    pid INTEGER NOT NULL, started REAL NOT NULL, beat INTEGER NOT NULL
) STRICT;
CREATE TABLE judgements (
    item_id TEXT PRIMARY KEY REFERENCES items ON DELETE CASCADE, prompt_id TEXT NOT NULL,
    tries INTEGER NOT NULL, failures INTEGER NOT NULL, seed INTEGER NOT NULL, scores TEXT NOT NULL
) STRICT;
CREATE TABLE hosts (
    url TEXT PRIMARY KEY, wanted INTEGER NOT NULL DEFAULT 1, state TEXT NOT NULL DEFAULT 'away',
    since REAL NOT NULL DEFAULT 0, made INTEGER NOT NULL DEFAULT 0, faults TEXT NOT NULL DEFAULT '[]'
) STRICT;
INSERT INTO run VALUES ('limits', '{"seconds": 1800.0, "attempts": 3, "losses": 8, "smaller": []}');
INSERT INTO items (item_id, position, sku, variant, title, name, place, inputs, seed, state, tries, losses) VALUES
    ('A', 1, 'A', '', 'Mug', 'A', 'row 2', '{"prompt": "a mug"}', 5, 'pending', 2, 1),
    ('B', 2, 'B', '', 'Cup', 'B', 'row 3', '{"prompt": "a cup"}', 6, 'pending', 0, 0);
INSERT INTO attempts (prompt_id, item_id, host, outcome, reason, started, boot) VALUES
    ('job-1', 'A', 'http://h', 'failed', '[out-of-memory] node 7: full [100 %] (smaller size)', 1.0, 'b1'),
    ('job-2', 'A', 'http://h', 'lost', 'the host has no record of it', 2.0, 'b1'),
    ('job-3', 'A', 'http://h', 'failed', '[timeout] the job took longer than 5 s', 3.0, 'b2'),
    ('job-4', 'B', 'http://h', 'rejected', '[checks-failed] B.png: too dark', 4.0, 'b2'),
    ('job-5', 'B', 'http://h', 'open', '', 5.0, 'b2');
PRAGMA user_version = 2;
"""


def test_a_ledger_of_version_2_knows_the_slugs_of_its_failures(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "ledger.sqlite")
    database.executescript(VERSION_2)
    database.close()
    with Ledger(tmp_path) as ledger:
        item = ledger.item("A")
        assert past(ledger.failures_of(item)) == ["smaller", "again"]
        assert (item.losses, item.deaths) == (1, 0)
        assert [attempt["slug"] for attempt in ledger.attempts_of("B")] == ["checks-failed", ""]
        assert Limits(**ledger.facts()["limits"]).attempts == 3
        assert ledger.suspects() == {"A"}
        assert [attempt.boot for attempt in ledger.open_attempts()] == ["b2"]
        ledger.lost("job-5", "the host has no record of it", "died", alone=True)
        assert ledger.item("B").deaths == 1


def test_a_new_ledger_and_one_brought_up_to_date_have_the_same_columns(tmp_path: Path) -> None:
    columns = []
    for version, script in enumerate(("", VERSION_1, VERSION_2)):
        folder = tmp_path / str(version)
        folder.mkdir()
        with contextlib.closing(sqlite3.connect(folder / "ledger.sqlite")) as database:
            database.executescript(script)
        with Ledger(folder) as ledger:
            names = ("run", "items", "attempts", "lease", "judgements", "hosts")
            columns.append({name: {row[1:5] for row in ledger.all(f"PRAGMA table_info({name})")} for name in names})
    assert columns[0] == columns[1] == columns[2]


def test_a_ledger_of_version_1_is_brought_up_to_date(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "ledger.sqlite")
    database.executescript(VERSION_1)
    database.close()
    with Ledger(tmp_path) as ledger:
        assert ledger.facts() == {"base_seed": 7}
        counts = ledger.counts()
        assert (counts.done, counts.running, counts.seconds_per_row) == (1, 1, 0.5)
        assert [attempt.prompt_id for attempt in ledger.open_attempts("http://h")] == ["job-b"]
        item = ledger.item("B")
        assert (item.workflow, item.model, item.change, item.tries) == ("", "", {}, 0)
        ledger.accept("job-b", "pictures/B.png", "bb", 1.0)
        assert ledger.counts().done == 2
    with Ledger(tmp_path) as again:
        assert again.counts().done == 2
