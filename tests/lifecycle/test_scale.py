"""A day of many jobs: none is lost, none runs twice, and one more costs no more than one before."""

from __future__ import annotations

import json

import pytest

from simulator.__main__ import main
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


def test_a_workflow_is_played_instead(tmp_path, capsys):
    tasks = [{"id": n, "parents": [n - 1] if n else [], "runtime_s": 60} for n in range(2)]
    file = tmp_path / "flows.jsonl"
    file.write_text(json.dumps({"workflow": "chain", "tasks": tasks}) + "\n")
    assert main(["run", "--workflow", str(file), "--json"]) == 0
    (played,) = json.loads(capsys.readouterr().out)["runs"]
    assert played["total"]["succeeded"] == 2


def test_the_figures_have_their_names(capsys):
    assert main(["run", "--jobs", "100", "--hours", "1", "--workers", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"jobs", "wall_s", "peak_rss_mb", "lost", "double_run", "violations"} <= told.keys()
    assert {
        "virtual_hours",
        "units_per_job",
        "calls_per_job",
        "usd_per_million_jobs",
    } <= told.keys()
    assert (told["jobs"], told["lost"], told["double_run"], told["violations"]) == (100, 0, 0, 0)
    assert told["hottest_key"]["units_a_second"] < 1000
    assert told["invocations_per_job"]["launch"] > 0
