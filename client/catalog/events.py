"""What ``CatalogRun.run`` tells while it works."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import PackshotError


@dataclass(frozen=True, slots=True)
class RunStarted:
    """There is something to make: ``rows`` items in all, of which ``settled`` are made or have failed already."""

    rows: int
    settled: int


@dataclass(frozen=True, slots=True)
class ItemSettled:
    """An item is made, or has failed for good: then ``error`` says why. Comes from any thread."""

    item_id: str
    error: PackshotError | None


@dataclass(frozen=True, slots=True)
class RunNotice:
    """Something that a person should know of the run, and that ends nothing: a host is away, a lock does not hold."""

    message: str


RunEvent = RunStarted | ItemSettled | RunNotice
