"""A day of many jobs: none is lost, none runs twice, and one more costs no more than one before."""

from __future__ import annotations

import pytest

from simulator.scale import Day, live_through


def calls(came):
    return sum(tally.calls for tally in came.tallies if not tally.index) / came.jobs


@pytest.fixture(scope="module")
def days():
    """Twice the jobs in twice the time."""
    return live_through(Day(500, hours=1)), live_through(Day(1000, hours=2))


def test_every_job_of_the_mix_ends_and_none_runs_twice(days):
    for came in days:
        assert (came.lost, came.double_run, came.violations) == (0, 0, ())
        assert came.executions == came.jobs // 10


def test_the_cost_of_a_job_does_not_grow_with_their_number(days):
    few, many = days
    assert calls(many) == pytest.approx(calls(few), rel=0.1)


def test_the_same_seed_is_the_same_day():
    one, other = live_through(Day(60, hours=0.2)), live_through(Day(60, hours=0.2))
    assert one == other


def test_plain_jobs_alone_start_no_execution():
    came = live_through(Day(50, mix="plain", hours=0.1))
    assert (came.lost, came.executions) == (0, 0)


def test_jobs_that_fail_twice_are_counted_as_failed(monkeypatch):
    monkeypatch.setattr("simulator.scale._FAILS", 0.6)
    came = live_through(Day(100, hours=0.5))
    assert came.failed > 10
    assert (came.lost, came.double_run, came.violations) == (0, 0, ())
