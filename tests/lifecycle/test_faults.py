"""Small hostile days: crashes at any call, redelivery, loss, throttling, stops at any moment.

A seed that ever failed belongs into `ONCE_FAILED`. More of them: `python -m simulator --seeds 10000`.
"""

from __future__ import annotations

import pytest

from simulator.trial import Trial

#: Fresh seeds of every run, in groups so that two processes share them.
GROUPS, SEEDS = 8, 20

ONCE_FAILED: tuple[int, ...] = ()


@pytest.mark.parametrize("group", range(GROUPS))
def test_nothing_is_lost_and_nothing_runs_twice(group):
    for seed in range(group * SEEDS, (group + 1) * SEEDS):
        trial = Trial(seed).run()
        wrong = trial.verdict()
        assert not wrong, f"seed {seed}: {wrong}\n{trial.story()}"


@pytest.mark.parametrize("seed", ONCE_FAILED)
def test_what_failed_once_holds(seed):
    assert Trial(seed).run().verdict() == []


def test_a_seed_tells_the_same_story_twice():
    assert Trial(3).run().story() == Trial(3).run().story()
