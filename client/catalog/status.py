"""Where a run stands, read from its folder while it goes on or when it is over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .ledger.ledger import Ledger
from .ledger.records import Counts
from .sealing.pictures import damage_at_a_glance


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Where a run stands.

    Attributes:
        folder: of the run.
        counts: how many items are in which state.
        failures: why items failed or were kept out, by item id: ``{"slug", "message", "place", "remedy"}``.
        duties: what the licences ask of whoever shows the pictures.
        warnings, waived: what was done otherwise than one may expect, and which stops were waived.
        damaged: finished pictures that are missing or have another size: ``item``, ``file``, ``what``. What changed
            without that, only ``packshot catalog verify`` finds.
        unfinished: whether something is left to make; what lies beyond a run's ``limit`` does not count.
    """

    folder: Path
    counts: Counts
    failures: Mapping[str, Mapping[str, str]]
    duties: tuple[str, ...]
    warnings: tuple[Mapping[str, str], ...]
    waived: tuple[Mapping[str, str], ...]
    damaged: tuple[Mapping[str, str], ...]
    unfinished: bool

    @property
    def report(self) -> Path:
        """The contact sheet."""
        return self.folder / "index.html"

    def as_dict(self) -> dict[str, Any]:
        """The object that ``packshot catalog run --json`` prints."""
        return {
            **self.counts.as_dict(),
            "damaged": len(self.damaged),
            "out": str(self.folder),
            "report": str(self.report),
            "warnings": [dict(warning) for warning in self.warnings],
            "waived": [dict(waiver) for waiver in self.waived],
        }


def read_status(folder: Path | str) -> RunStatus:
    """Read where a run stands; another process may work on it.

    Raises:
        CatalogInvalid: there is no run, or its ledger is damaged.
    """
    with Ledger(Path(folder), read_only=True) as ledger:
        return status_of(ledger)


def status_of(ledger: Ledger) -> RunStatus:
    """Read where the run of a ledger stands."""
    facts, counts = ledger.facts(), ledger.counts()
    failed = ledger.all("SELECT item_id, error FROM items WHERE error IS NOT NULL ORDER BY position")
    return RunStatus(
        ledger.folder,
        counts,
        {item_id: json.loads(error) for item_id, error in failed if error},
        tuple((facts.get("licences") or {}).get("duties", ())),
        tuple(facts.get("warnings", ())),
        tuple(facts.get("waived", ())),
        tuple(damage_at_a_glance(ledger, thorough=False)),
        bool(ledger.pending()) or counts.running > 0,
    )
