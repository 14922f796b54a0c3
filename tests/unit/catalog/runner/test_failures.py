"""What failures mean, and how often a row is tried after which."""

from __future__ import annotations

import pytest

from packshot.catalog.ledger.records import StoredItem
from packshot.catalog.runner.failures import MEANINGS, Limits, Meaning, blames_host, meaning, next_change, past
from packshot.errors import (
    HostLost,
    HostUnreachable,
    JobFailed,
    JobTimeout,
    OutOfMemory,
    OutputUnwritable,
    PackshotError,
    read_report,
)


def item(**change: str) -> StoredItem:
    return StoredItem("A", "A", "", "", "A", {}, 1, change=change)


def tried(error: PackshotError, limits: Limits) -> list[dict[str, str]]:
    """With what a row is tried that fails each time in the same way."""
    changes: list[dict[str, str]] = []
    before: list[Meaning] = []
    change: dict[str, str] = {}
    while len(changes) < 20:
        changes.append(change)
        step = next_change(item(**change), meaning(error), before, limits)
        if step is None:
            return changes
        before, change = [*before, *past([error.slug])], dict(step)
    raise AssertionError("it is tried for ever")


def test_every_slug_has_a_meaning() -> None:
    assert set(MEANINGS) == set(PackshotError.__subclasses__())


@pytest.mark.parametrize("kind", MEANINGS)
def test_whatever_a_node_says_stops_no_run_and_loses_no_host(kind: type[PackshotError]) -> None:
    said = read_report(kind("no", place="there").report(), "node 7")
    assert type(said) is kind
    assert meaning(said) not in ("stop", "lost")
    assert tried(said, Limits()), "and no row is tried for ever"


def test_a_full_disk_of_this_machine_stops_the_run() -> None:
    assert meaning(OutputUnwritable("full")) == "stop"
    assert meaning(HostLost("gone")) == meaning(HostUnreachable("gone")) == "lost"


def test_each_kind_of_failure_is_counted_by_itself() -> None:
    smaller = ({"width": "768"}, {"width": "512"}, {"width": "256"})
    limits = Limits(attempts=2, smaller=smaller)
    assert tried(OutOfMemory("full"), limits) == [{}, {}, *smaller]
    assert tried(JobTimeout("slow"), limits) == [{}, {}]
    assert tried(JobFailed("broken"), limits) == [{}, {}]
    other = past([JobTimeout.slug, JobFailed.slug])
    assert next_change(item(), "smaller", other, limits) == {}, "memory is freed first, whatever went wrong before"
    assert next_change(item(), "smaller", [*other, "smaller"], limits) == smaller[0]


def test_smaller_plans_are_laid_over_what_was_changed_before() -> None:
    limits = Limits(smaller=({"width": "768"}, {"steps": "8"}))
    assert next_change(item(width="768"), "smaller", ["smaller", "smaller"], limits) == {"width": "768", "steps": "8"}


def test_a_host_is_blamed_for_first_failures_and_for_want_of_time_and_memory() -> None:
    assert blames_host("elsewhere", {})
    assert not blames_host("elsewhere", None), "the row has failed before"
    assert blames_host("smaller", None)
    assert not blames_host("smaller", {})
    assert not blames_host("row", None)
