"""Seeds of the fault simulator, and that it finds what it is for."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from campaigns.simulate import Broken, scratch_folder, simulate, simulate_many
from hostile.coordinator import killed_inside_writes

from packshot.catalog.ledger import audit
from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.runner import host_runner
from packshot.catalog.runner.host_health import HostHealth
from packshot.catalog.runner.work import CatalogWork

STEPS = 4000


def test_no_fault_breaks_an_invariant() -> None:
    first = random.SystemRandom().randrange(2**32)
    total = simulate_many(first, STEPS)
    print(dict(total))
    assert total["steps"] >= STEPS
    assert min(total[fault] for fault in ("killed", "power lost", "taken over", "host killed", "cut")) > 0


def test_a_seed_replays_to_the_last_step() -> None:
    with scratch_folder() as scratch:
        assert simulate(7, scratch).told == simulate(7, scratch).told


@pytest.mark.skipif(sys.platform == "win32", reason="kills with signals")
def test_a_process_that_is_killed_inside_any_write_loses_and_doubles_nothing() -> None:
    places = killed_inside_writes()
    print(places)
    assert min(places[place] for place in ("half a line of the audit", "half a file", "before a commit")) > 0
    assert sum(places.values()) > 60


def forget_names(patch: pytest.MonkeyPatch) -> None:
    """Accept pictures without syncing their names: a power cut takes them away."""
    bring_home = host_runner.HostRunner._bring_home

    def unsynced(runner: host_runner.HostRunner, *arguments: Any) -> None:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(host_runner, "sync_folder", lambda _folder: None)
            bring_home(runner, *arguments)

    patch.setattr(host_runner.HostRunner, "_bring_home", unsynced)


def forget_lines(patch: pytest.MonkeyPatch) -> None:
    """Write the audit after the ledger, so that it falls behind."""
    patch.setattr(audit, "_sealed", _without("accepted"))


def _without(event: str) -> Callable[..., tuple[bytes, audit.Head]]:
    sealed = audit._sealed

    def sealed_but(head: audit.Head, name: str, *arguments: Any) -> tuple[bytes, audit.Head]:
        return (b"", head) if name == event else sealed(head, name, *arguments)

    return sealed_but


def forget_fence(patch: pytest.MonkeyPatch) -> None:
    """Let a coordinator that was taken over go on writing."""
    patch.setattr(Ledger, "confirm_held", lambda _ledger: None)


def blame_early(patch: pytest.MonkeyPatch) -> None:
    """Blame every row that was on a host that died."""
    kills = CatalogWork._kills
    patch.setattr(CatalogWork, "_kills", lambda work, item: kills(work, replace(item, deaths=4 * item.losses)))


def start_for_ever(patch: pytest.MonkeyPatch) -> None:
    """Give no host up and blame no row."""
    patch.setattr(CatalogWork, "_kills", lambda _work, _item: False)
    patch.setattr(HostHealth, "given_up", False)


@pytest.mark.parametrize("fault", [forget_names, forget_lines, forget_fence, blame_early, start_for_ever])
def test_a_fault_of_the_coordinator_is_found(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None]
) -> None:
    fault(monkeypatch)
    with pytest.raises(Broken):
        simulate_many(0, 40_000)
