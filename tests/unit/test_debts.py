"""A debt is written with the change that owes it, whatever was owed when the job was read.

The debt that was read may have been put off since: an attempt that began to run is looked at after
twenty minutes. Found by the fault runs (a day of rivals, seed 109).
"""

from __future__ import annotations

import pytest

from lambdas.core import arrays, transitions
from lambdas.core.job import JobState, Status

NOW = 1_000_000
SOON = NOW + transitions.OWED_WITHIN


def job(status: Status, **more: object) -> JobState:
    known = {"id": "j", "name": "n", "queue": "q", "definition": "d:1", "created": 0, "shape": "s"}
    owes = {"due_shard": "DUE#0", "due_at": NOW + 5}
    return JobState(status=status, **known, **owes, **more)


RUNS = job(Status.RUNNING, run="r", fan=True)
WAITS = job(Status.PENDING, fan=True)
ARRAY = job(Status.RUNNABLE, size=2, next=2, fan=True)


@pytest.mark.parametrize(
    "write",
    [
        transitions.wish_stop(RUNS, "terminate", "why", NOW),
        transitions.succeeded(RUNS, {"stopped": NOW}, 0),
        transitions.failed(RUNS, {"stopped": NOW}, 0),
        transitions.withdraw(WAITS, "cancel", "why", NOW, 0),
        arrays.stop_array(ARRAY, "terminate", "why", NOW),
        arrays.closing(ARRAY, arrays.Counts(succeeded=2), NOW, 0),
    ],
    ids=["a wish to stop", "success", "failure", "withdrawal", "an array's stop", "an array's end"],
)
def test_what_is_owed_falls_due_soon(write):
    assert write.put["due_at"] == SOON


def test_a_fresh_claim_keeps_its_debt_when_it_is_to_stop():
    """By it the launch knows that nobody has leased it. Found on a calm day (seed 176)."""
    wish = transitions.wish_stop(job(Status.STARTING, run="r"), "terminate", "why", NOW)
    assert "due_at" not in wish.put
