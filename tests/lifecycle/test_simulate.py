"""Workloads played through the production services, and what is told of them."""

import json
from pathlib import Path

import pytest

from cli.__main__ import main
from simulator.command_simulate import _apart
from simulator.report import report_of
from simulator.workloads.files import parse_workload, read_workload
from simulator.workloads.play import play
from simulator.workloads.trace import Phase
from simulator.workloads.yard import Place, Yard

DEV = Path(__file__).parents[3] / "shared" / "data" / "workflows-dev.jsonl"


def chain(*runtimes, **more):
    tasks = [
        {"id": n, "parents": [n - 1] if n else [], "runtime_s": r, **more}
        for n, r in enumerate(runtimes)
    ]
    return parse_workload([json.dumps({"workflow": "chain", "tasks": tasks})])


def jobs(**more):
    return parse_workload([json.dumps({"job": "j", "runtime_s": 100, **more})])


def test_a_chain_takes_its_runs_and_a_start_up_for_each():
    report = report_of(play(chain(60, 120), Yard(start_up=10)))
    total = report.total
    assert (total.succeeded, total.critical_path_s, total.least_s) == (2, 180, 180)
    starting = next(w.total_s for w in total.waits if w.where == "start-up")
    assert 10 < starting < 40
    assert total.makespan_s == pytest.approx(180 + starting, abs=15)
    assert report.violations == ()


def test_what_does_not_fit_waits_for_the_environment_it_gets():
    played = play(jobs(count=4), Yard(places=(Place("small", "FARGATE", 2),), start_up=0))
    total = report_of(played).total
    assert total.least_s == 200
    assert [(w.where, w.jobs) for w in total.waits if w.where.startswith("cap")] == [
        ("capacity of small", 2)
    ]


def test_a_trace_has_no_gaps():
    for trace in play(jobs(count=5, attempts=3, failure_rate=0.6), Yard()).traces:
        edges = [trace.submitted, *(s.end for s in trace.spans)]
        assert [s.begin for s in trace.spans] == edges[:-1]
        assert edges[-1] == trace.ended


def test_attempts_go_as_they_were_told():
    workload = jobs(attempts=3, goes=[{"runtime_s": 5, "exit_code": 1}, {"runtime_s": 7}])
    (trace,) = play(workload, Yard()).traces
    assert trace.succeeded
    runs = [(s.length, s.failed) for s in trace.spans if s.phase is Phase.RUNNING]
    assert runs == [(5_000, True), (7_000, False)]


def test_fargate_bills_a_minute_at_least_and_spot_less():
    spot = Yard(places=(Place("spot", "FARGATE_SPOT", 4),), start_up=0)
    dear = report_of(play(chain(1), Yard(start_up=0))).cost.fargate[0]
    cheap = report_of(play(chain(1), spot)).cost.fargate[0]
    assert dear.usd == pytest.approx((0.04048 + 2 * 0.004445) / 60)
    assert cheap.usd == pytest.approx(dear.usd * 0.3)


def test_what_fargate_cannot_hold_is_refused_in_the_platforms_words(tmp_path, capsys):
    file = tmp_path / "w"
    file.write_text('{"job": "big", "runtime_s": 1, "cores": 33}')
    assert main(["simulate", str(file)]) == 1
    assert "no Fargate size holds 33 vCPU" in capsys.readouterr().err


def test_json_tells_all_in_numbers(tmp_path, capsys):
    file = tmp_path / "w"
    file.write_text('{"job": "j", "runtime_s": 10, "count": 3}')
    assert main(["simulate", "--workflow", str(file), "--vcpus", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["total"]["succeeded"] == 3
    assert told["cost"]["total_usd"] > 0


def test_what_is_generated_can_be_kept_and_played(tmp_path, capsys):
    out = tmp_path / "kept"
    settings = "jobs=20 runtime=60s failures=20% dependent=30%"
    assert main(["simulate", "--generate", settings, "--out", str(out), "--seed", "3"]) == 0
    drawn = capsys.readouterr().out
    assert main(["simulate", str(out), "--seed", "3"]) == 0
    assert capsys.readouterr().out == drawn


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "One workload is needed"),
        (["f", "--environment", "ec2=4"], "--environment is 'ec2=4'"),
        (["f", "--vcpus", "0"], "--vcpus is 0: 1 to 1,000,000"),
        (["f", "--queue", "a"], "--queue is 'a'"),
        (["f"], "f cannot be read"),
    ],
)
def test_a_wrong_option_is_told_in_one_sentence(options, said, capsys):
    assert main(["simulate", *options]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.skipif(not DEV.exists(), reason="../shared/data/workflows-dev.jsonl is not there")
def test_a_real_workflow_keeps_every_edge():
    alone = next(_apart(read_workload(DEV)))
    report = report_of(play(alone, Yard(start_up=0)))
    assert report.violations == ()
    assert report.total.succeeded == report.total.jobs == 574
