"""Invocations of a simulated world that overlap: left in their midst, and gone on with later."""

from __future__ import annotations

import pytest

from simulator.faults import LIMITS, Crash, Faults
from simulator.odds import STORM
from simulator.world import World


@pytest.fixture
def world() -> World:
    hostile = Faults(STORM, seed=7)
    made = World(seed=7, faults=hostile)
    hostile.tell_time_by(made.clock.now)
    hostile.on = True
    return made


class TestTwoThatCross:
    def test_each_goes_on_at_its_own_time_though_it_began_before_the_other(self, world):
        said: list[tuple[str, int]] = []
        begin = world.clock.now()

        def act(name: str, lasts: int) -> None:
            world.pause(lasts)
            said.append((name, world.clock.now() - begin))

        world.at(begin, lambda: act("slow", 5_000))
        world.at(begin + 1_000, lambda: act("quick", 1_000))
        world.run(0.2)
        assert said == [("quick", 2_000), ("slow", 5_000)]

    def test_what_goes_wrong_after_a_pause_reaches_who_runs_the_world(self, world):
        def fails() -> None:
            world.pause(1_000)
            raise LookupError("on purpose")

        world.at(world.clock.now(), fails)
        with pytest.raises(LookupError, match="on purpose"):
            world.run(0.2)


class TestAnInvocationThatLingers:
    def test_dies_at_its_time_limit_and_not_after_it(self, world):
        died: list[int] = []
        begin = world.clock.now()

        def lingers() -> None:
            try:
                with world.faults.invocation("launch"):
                    world.faults.linger(10 * 60_000)
            except Crash:
                died.append(world.clock.now() - begin)

        world.at(begin, lingers)
        world.run(2)
        assert died == [LIMITS["launch"] * 1_000]

    def test_has_a_limit_of_its_own_while_others_run_in_between(self, world):
        ends: dict[str, int] = {}
        begin = world.clock.now()

        def lives(function: str) -> None:
            try:
                with world.faults.invocation(function):
                    for _ in range(100):
                        world.faults.linger(1_000)
            except Crash:
                ends[function] = world.clock.now() - begin

        world.at(begin, lambda: lives("reconcile"))
        world.at(begin + 10_000, lambda: lives("launch"))
        world.run(2)
        assert ends == {"launch": 40_000, "reconcile": 60_000}
