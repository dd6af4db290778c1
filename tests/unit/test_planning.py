"""The planning benchmark: the scheduler's own function, on many waiting jobs."""

from __future__ import annotations

import json

import pytest

from benchmarks import planning
from lambdas.core.scheduling import plan, rank


def test_prints_the_figures_of_one_round(capsys):
    assert planning.main(["--pending", "3000", "--shapes", "50", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pending"] == found["placed"] + found["held"] == 3000
    assert found["shapes"] == 50
    assert found["round_s"] < 5


def test_a_round_of_more_jobs_tells_no_more_reasons():
    few, many = (planning.figures(pending, 40, 64)["reasons"] for pending in (2000, 8000))
    assert many <= few + 5


def test_within_a_queue_jobs_are_placed_in_the_order_of_their_rank():
    request = planning.a_round(400, 1, 64, 3)
    for name in ("high", "default", "low"):
        placed = [p.job for p in plan(request).placements if p.job.queue == name]
        assert placed == sorted(placed, key=rank)


def test_refuses_what_is_no_number_of_jobs(capsys):
    with pytest.raises(SystemExit):
        planning.main(["--pending", "0"])
    assert "--pending is 0" in capsys.readouterr().err
