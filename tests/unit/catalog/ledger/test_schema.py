"""A ledger of an earlier version is brought up to date."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from packshot.catalog.ledger.ledger import Ledger

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
