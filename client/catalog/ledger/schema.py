"""The tables of a ledger, and how an older one is brought up to date without losing anything."""

from __future__ import annotations

import sqlite3

VERSION = 3
TABLES = ("run", "items", "attempts", "lease", "judgements", "hosts", "stamps", "private")

_ITEMS = """
CREATE TABLE items (
    item_id TEXT PRIMARY KEY, position INTEGER NOT NULL, sku TEXT NOT NULL, variant TEXT NOT NULL, title TEXT NOT NULL,
    name TEXT NOT NULL, place TEXT NOT NULL, inputs TEXT NOT NULL, seed INTEGER,
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'failed', 'quarantined')),
    error TEXT, file TEXT, sha256 TEXT,
    workflow TEXT NOT NULL DEFAULT '', model TEXT NOT NULL DEFAULT '', axes TEXT NOT NULL DEFAULT '{}',
    change TEXT NOT NULL DEFAULT '{}', tries INTEGER NOT NULL DEFAULT 0, losses INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX items_by_state ON items (state, position)
"""
_ITEMS_SINCE_1 = """
ALTER TABLE items ADD COLUMN workflow TEXT NOT NULL DEFAULT '';
ALTER TABLE items ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE items ADD COLUMN axes TEXT NOT NULL DEFAULT '{}';
ALTER TABLE items ADD COLUMN change TEXT NOT NULL DEFAULT '{}';
ALTER TABLE items ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE items ADD COLUMN losses INTEGER NOT NULL DEFAULT 0
"""
_ATTEMPTS = """
CREATE TABLE attempts (
    prompt_id TEXT PRIMARY KEY, item_id TEXT NOT NULL REFERENCES items, host TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('open', 'accepted', 'failed', 'lost', 'replaced', 'rejected')),
    reason TEXT NOT NULL DEFAULT '', started REAL NOT NULL, ended REAL, seconds REAL,
    boot TEXT NOT NULL DEFAULT '', change TEXT NOT NULL DEFAULT '{}', file TEXT NOT NULL DEFAULT '',
    sha256 TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '{}', slug TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX attempts_by_item ON attempts (item_id);
CREATE INDEX attempts_open ON attempts (outcome) WHERE outcome = 'open';
CREATE UNIQUE INDEX one_accepted_picture ON attempts (item_id) WHERE outcome = 'accepted'
"""
_SINCE_2 = """
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
) STRICT
"""
_DEATHS_SINCE_2 = "ALTER TABLE items ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0"
_SLUGS_SINCE_2 = "ALTER TABLE attempts ADD COLUMN slug TEXT NOT NULL DEFAULT ''"
# Reasons of failures began with their slug in brackets. Which old losses were deaths is not known.
_FILL_SLUGS = """
UPDATE attempts SET slug = substr(reason, 2, instr(reason, ']') - 2)
WHERE outcome IN ('failed', 'rejected') AND reason LIKE '[%]%';
UPDATE run SET value = json_remove(value, '$.losses') WHERE key = 'limits'
"""
# Size of each accepted picture in bytes, and when it was last changed, in nanoseconds since the epoch.
_STAMPS_SINCE_3 = """
CREATE TABLE stamps (
    item_id TEXT PRIMARY KEY REFERENCES items ON DELETE CASCADE, bytes INTEGER NOT NULL, changed INTEGER NOT NULL
) STRICT
"""
# What no record, log or report may show: inputs of items as the table has them, and under '' what is the run's.
_PRIVATE_SINCE_3 = """
CREATE TABLE private (
    item_id TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (item_id, name)
) STRICT
"""


def bring_up_to_date(db: sqlite3.Connection, version: int) -> None:
    """Make the tables of a new ledger (version 0), or add what an older one lacks; inside one transaction.

    Foreign keys must be off: a table whose constraints changed is copied under a new name.
    """
    statements: list[str] = []
    if version == 0:
        statements += [
            _ITEMS,
            "CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
            _ATTEMPTS,
            _SINCE_2,
        ]
    elif version == 1:
        columns = "prompt_id, item_id, host, outcome, reason, started, ended, seconds"
        statements += [
            _ITEMS_SINCE_1,
            "DROP INDEX attempts_by_item; DROP INDEX attempts_open; DROP INDEX one_accepted_picture",
            "ALTER TABLE attempts RENAME TO attempts_1",
            _ATTEMPTS,
            f"INSERT INTO attempts ({columns}) SELECT {columns} FROM attempts_1 ORDER BY rowid",
            "DROP TABLE attempts_1",
            _SINCE_2,
            _DEATHS_SINCE_2,
            _FILL_SLUGS,
        ]
    elif version == 2:
        statements += [_DEATHS_SINCE_2, _SLUGS_SINCE_2, _FILL_SLUGS]
    statements += [_STAMPS_SINCE_3, _PRIVATE_SINCE_3]
    for statement in ";".join(statements).split(";"):
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {VERSION}")
