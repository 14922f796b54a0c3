"""A run through kill, loss, return and takeover in any order: the real coordinator and ledger, a scripted host."""

from __future__ import annotations

import contextlib
from pathlib import Path

from campaigns.simulate import DEATHS, ENDS, Coordinator, Crash, Simulation, scratch_folder
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from packshot.errors import PackshotError


class RunMachine(RuleBasedStateMachine):
    """One run; ``coordinator`` holds it, ``sleepers`` held it, and do not know yet that it was taken over."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = contextlib.ExitStack()
        self.sleepers: list[Coordinator] = []
        self.coordinator: Coordinator | None = None
        self.deaths = DEATHS

    @initialize(seed=st.integers(0, 20), kinds=st.lists(st.sampled_from(sorted(ENDS)), min_size=1, max_size=6))
    def plan(self, seed: int, kinds: list[str]) -> None:
        scratch = self._stack.enter_context(scratch_folder())
        folder = Path(scratch) / "run"
        folder.mkdir()
        self.simulation = Simulation(seed, folder, scratch, kinds)
        self.simulation.calm_after = 0  # nothing goes wrong but what the rules say
        self._stack.enter_context(self.simulation.in_place())

    @rule(turns=st.integers(1, 40))
    def work(self, turns: int) -> None:
        self.coordinator = self.coordinator or Coordinator(self.simulation)
        if self.goes_on(self.coordinator, turns):
            return
        self.coordinator = None
        self.simulation.now += 60.0

    def goes_on(self, coordinator: Coordinator, turns: int) -> bool:
        """Have a coordinator work; whether it has more to do."""
        try:
            ended = coordinator.work_through(turns)
        except PackshotError:
            ended = True
        if ended:
            coordinator.close()
        return not ended

    @precondition(lambda self: self.coordinator)
    @rule(power=st.booleans())
    def crash(self, power: bool) -> None:
        assert self.coordinator is not None
        self.coordinator.leave()
        self.coordinator = None
        if power:
            for sleeper in self.sleepers:
                sleeper.leave()
            self.sleepers.clear()
        self.simulation.crash(Crash(power))

    @precondition(lambda self: self.coordinator)
    @rule(turns=st.integers(1, 40))
    def take_over(self, turns: int) -> None:
        assert self.coordinator is not None
        self.sleepers.append(self.coordinator)
        self.coordinator = Coordinator(self.simulation)
        self.work(turns)

    @precondition(lambda self: self.sleepers)
    @rule()
    def wake_up(self) -> None:
        assert not self.goes_on(self.sleepers.pop(0), 100), "who was taken over finds it out"

    @precondition(lambda self: self.deaths)
    @rule(number=st.integers(0, 2), away=st.sampled_from([1.0, 30.0, 400.0]))
    def kill_host(self, number: int, away: float) -> None:
        host = list(self.simulation.hosts.values())[number % len(self.simulation.hosts)]
        if host.alive:
            self.deaths -= 1
            self.simulation.kill(host)
            host.back_at = self.simulation.now + away

    @rule(number=st.integers(0, 2), seconds=st.sampled_from([1.0, 30.0, 400.0]))
    def cut_network(self, number: int, seconds: float) -> None:
        host = list(self.simulation.hosts.values())[number % len(self.simulation.hosts)]
        host.cut_until = self.simulation.now + seconds

    @rule(seconds=st.sampled_from([-86400.0, -1.0, 3600.0]))
    def set_clock(self, seconds: float) -> None:
        self.simulation.wall += seconds

    @invariant()
    def what_is_done_is_on_disk(self) -> None:
        if hasattr(self, "simulation"):
            self.simulation.check_files()

    def teardown(self) -> None:
        with self._stack:
            if not hasattr(self, "simulation"):
                return
            while self.coordinator or self.simulation.unfinished():
                self.work(1000)
            for sleeper in self.sleepers:
                assert not self.goes_on(sleeper, 100)
            self.simulation.check_end()


RunMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestRunMachine = RunMachine.TestCase
