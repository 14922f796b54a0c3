"""The policy for hosts that are lost, fail or stand still, whatever happens in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.catalog.runner.host_health import DEPTH, FALLS, LONGEST_PAUSE, REST, RETURN, STRIKES, HostHealth

EVENTS = ("landed", "judged", "failed", "lost", "silent", "started", "answered", "waited")


def happen(health: HostHealth, event: str, now: float) -> float:
    """Let something happen to a host as its runner would tell it; the time afterwards."""
    if event == "waited":
        return now + health.pause(now) + 1.0
    if event == "started":
        if health.may_start and not health.pause(now):
            health.starting()
    elif event in ("lost", "silent"):
        getattr(health, event)(now)
    elif event == "failed" and health.struck:
        health.strike_out(now)
        health.lost(now)
    else:
        getattr(health, event)()
    return now


@given(st.booleans(), st.lists(st.sampled_from(EVENTS)))
def test_no_order_of_events_breaks_the_policy(restartable: bool, events: list[str]) -> None:
    health = HostHealth(restartable)
    now, falls = 100.0, 0
    for event in events:
        now = happen(health, event, now)
        falls = 0 if event == "landed" else max(falls, health.falls)
        assert health.falls == falls, "only a picture makes falls good"
        assert health.strikes <= STRIKES + len(events)
        assert health.depth == (1 if health.falls or health.given_up else DEPTH), "after a loss rows go alone"
        assert not (health.exhausted and health.may_start), "it is not started for ever"
        assert not (health.takes_risks and (health.falls or not restartable))
        assert 0 <= health.pause(now) <= LONGEST_PAUSE
        assert not health.resting(now + REST)
        assert health.given_up or not health.resting(now)
    health.landed()
    health.answered()
    assert not health.given_up
    assert health.depth == DEPTH


def test_pauses_between_starts_grow_and_end() -> None:
    health, now, pauses = HostHealth(restartable=True), 0.0, []
    while not health.given_up:
        health.lost(now)
        health.silent(now)
        pauses.append(health.pause(now))
        now += pauses[-1]
        health.starting()
        health.answered()
    assert len(pauses) == FALLS
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.0, LONGEST_PAUSE)
    assert not health.may_start


def test_a_host_that_does_not_come_up_is_not_started_for_ever() -> None:
    health, now, starts = HostHealth(restartable=True), 0.0, 0
    health.lost(now)
    while not health.given_up:
        health.silent(now)
        if not health.pause(now) and health.may_start:
            health.starting()
            starts += 1
        now += health.pause(now)
    assert starts == FALLS - 1


@pytest.mark.parametrize(("restartable", "given_up"), [(True, False), (False, True)])
def test_only_a_host_that_others_start_is_given_up_for_being_away(restartable: bool, given_up: bool) -> None:
    health = HostHealth(restartable)
    health.silent(0.0)
    health.silent(RETURN)
    assert not health.given_up
    health.silent(RETURN + 1)
    assert health.given_up is given_up
    health.answered()
    assert not health.given_up


def test_a_host_that_fails_every_row_gets_one_more_now_and_then() -> None:
    health = HostHealth(restartable=False)
    for _ in range(STRIKES):
        health.failed()
    assert health.struck
    health.strike_out(0.0)
    assert health.given_up
    assert not health.struck
    assert health.resting(REST - 1)
    assert not health.resting(REST)
    health.failed()
    assert health.struck, "the next row tells"
    health.landed()
    assert not health.given_up
