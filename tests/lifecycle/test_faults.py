"""Small hostile days: crashes at any call, redelivery, loss, throttling, stops at any moment.

A seed that ever failed belongs into `ONCE_FAILED`. More of them: `python -m simulator faults --seeds 10000`.
"""

from __future__ import annotations

import pytest

from simulator.trial import Trial

#: Fresh seeds of every run, in groups so that two processes share them.
GROUPS, SEEDS = 8, 20

#: Each with what it found.
ONCE_FAILED = {
    1: "a job waited for ever for an execution that was lost",
    12: "a deferred debt kept a fresh claim from its launch",
    33: "a token was dropped while its execution slept",
}


@pytest.mark.parametrize("group", range(GROUPS))
def test_nothing_is_lost_and_nothing_runs_twice(group):
    for seed in range(group * SEEDS, (group + 1) * SEEDS):
        trial = Trial(seed).run()
        wrong = trial.verdict()
        assert not wrong, f"seed {seed}: {wrong}\n{trial.story()}"


@pytest.mark.parametrize("seed", ONCE_FAILED, ids=ONCE_FAILED.values())
def test_what_failed_once_holds(seed):
    assert Trial(seed).run().verdict() == []


def test_a_seed_tells_the_same_story_twice():
    assert Trial(3).run().story() == Trial(3).run().story()


def test_invocations_die_on_both_sides_of_calls():
    crashes = {where for seed in (2, 3, 6, 7) for where in Trial(seed).run().faults.crashes}
    assert {side for _, side in crashes} == {"crashed_before", "crashed_after"}
