"""What the seal at the end of a run covers: the rows of its ledger, and the files that are made from them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import OutputUnwritable, PackshotError
from ...hashes import file_sha256
from .key import AuditKey

if TYPE_CHECKING:
    from ..ledger.ledger import Ledger

_log = logging.getLogger(__name__)

# Columns that no later version of the ledger changes in rows that are there.
_ROWS = (
    "SELECT key, value FROM run WHERE key != 'audit' ORDER BY key",
    "SELECT item_id, position, sku, variant, title, name, place, inputs, seed, state, error, file, sha256, workflow,"
    " model, axes FROM items ORDER BY item_id",
    "SELECT prompt_id, item_id, host, outcome, seconds, file, sha256 FROM attempts ORDER BY prompt_id",
    "SELECT item_id, prompt_id, seed, scores FROM judgements ORDER BY item_id",
)
_FILES = ("manifest.*", "index*.html", "report-index.js", "workflow*.json", "workflows/*.json")


def ledger_sha256(ledger: Ledger) -> str:
    """SHA-256 over the facts, rows, attempts and judgements of a ledger."""
    digest = hashlib.sha256()
    for query in _ROWS:
        for row in ledger.db.execute(query):
            digest.update(json.dumps(tuple(row), ensure_ascii=True, separators=(",", ":")).encode() + b"\n")
        digest.update(b"\n")
    return digest.hexdigest()


def derived_files(folder: Path) -> dict[str, str]:
    """SHA-256 of what a run makes from its ledger, and of its copies of workflows, by path below its folder.

    Thumbnails are not among them: they are made anew from the pictures.
    """
    paths = sorted(path for pattern in _FILES for path in folder.glob(pattern) if path.is_file())
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in paths}


def begin_sealing(ledger: Ledger) -> None:
    """Have the user's key prove what is written into a run's audit from now on.

    Raises:
        KeyRefused: others may read or change the key.
    """
    try:
        ledger.sign_with(AuditKey.of_user())
    except OutputUnwritable as error:
        _log.warning("the audit is not signed: %s", error)


def end_sealing(ledger: Ledger) -> None:
    """Seal a run as it is left. Where the disk refuses, or another process has it, its last lines stay unsealed."""
    with contextlib.suppress(PackshotError, OSError), ledger.transaction():
        if not ledger.facts():
            return  # nothing was ever planned
        ledger.run_id()
        ledger.seal({"ledger": ledger_sha256(ledger), "files": derived_files(ledger.folder)})
