"""Workload files, drawn workloads and histories: what is read, and what is refused in which words."""

import json

import pytest

from simulator.workloads.files import Defaults, kind_of, parse_workload, read_workload, workload_of
from simulator.workloads.generator import recipe_of
from simulator.workloads.history import read_history
from simulator.workloads.model import Attempt, WorkloadError


def task(known, *parents, **more):
    return {"id": known, "parents": list(parents), "runtime_s": 1, **more}


def workflow(*tasks, **more):
    return json.dumps({"workflow": "w", "tasks": list(tasks), **more})


def job(**more):
    return json.dumps({"job": "render", "runtime_s": 2, **more})


def refusal(*lines):
    with pytest.raises(WorkloadError) as refused:
        parse_workload(lines)
    return str(refused.value)


def test_parents_may_come_after_their_children():
    jobs = parse_workload([workflow(task(1, 2), task(2))]).jobs
    assert [(j.name, j.parents) for j in jobs] == [("2", ()), ("1", (0,))]


def test_what_is_recorded_is_asked_for_rounded_up_and_the_rest_has_defaults():
    lines = [workflow(task(1, cores=2, memory_mib=1087.2), task(2), task(3, memory_mib=2.9))]
    jobs = parse_workload(lines, Defaults(500, 1024)).jobs
    assert [(j.milli_vcpus, j.memory) for j in jobs] == [(2000, 1088), (500, 1024), (500, 4)]


def test_a_job_may_count_for_many_and_others_wait_for_all_of_them():
    jobs = parse_workload(
        [job(count=2), json.dumps({"job": "sum", "runtime_s": 1, "after": ["render"]})]
    ).jobs
    assert [(j.name, j.parents) for j in jobs] == [
        ("render-0", ()),
        ("render-1", ()),
        ("sum", (0, 1)),
    ]


def test_luck_is_drawn_once_and_the_same_for_a_seed():
    lines = [job(count=50, attempts=3, failure_rate=0.5)]
    goes = [j.goes for j in parse_workload(lines).jobs]
    assert goes == [j.goes for j in parse_workload(lines).jobs]
    assert {len(one) for one in goes} == {1, 2, 3}
    assert all(attempt.exit_code for one in goes for attempt in one[:-1])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 1 is not JSON"),
        ("[1]", "line 1: [1] is not a JSON object"),
        ("{}", "the field 'workflow' (and 'tasks') or the field 'job'"),
        (workflow(), "there is no job in it"),
        (workflow(task(1, 9)), "line 1, task 1: parents holds 9: the id of a task"),
        (workflow(task(1, 2), task(2, 1)), "wait for each other in a circle"),
        (workflow(task(1), task(1)), "line 1, task 1: id is 1: another task"),
        (workflow({"id": 1}), "line 1, task 1: runtime_s is missing"),
        (job(runtime_s=-1), "line 1: runtime_s is -1: a number of seconds from 0"),
        ('{"job": "a", "runtime_s": NaN}', "runtime_s is nan"),
        (job(cores="two"), "cores is 'two'"),
        (job(cores=True), "cores is True"),
        (job(count=10**9), "count is 1000000000: a whole number from 1 to 1,000,000"),
        (job(after=["none"]), "after holds 'none'"),
        (job(attempts=11), "attempts is 11: a whole number from 1 to 10"),
        ("[" * 100_000, "nested too deeply"),
        (b'{"job": "\xff"}', "not UTF-8"),
    ],
)
def test_a_mistake_is_told_with_line_field_and_value(line, said):
    assert said in refusal(line)


def test_dependencies_are_bounded():
    lines = [
        job(count=3000),
        json.dumps({"job": "b", "count": 3000, "runtime_s": 1, "after": ["render"]}),
    ]
    assert "at most 5,000,000 such dependencies" in refusal(*lines)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(WorkloadError, match="cannot be read: No such file"):
        read_workload(tmp_path / "none")


def test_unknown_fields_are_passed_over_and_told():
    assert parse_workload([job(colour="red")]).notes == ("1 fields 'colour' were ignored",)


def test_jobs_of_one_kind_share_a_name():
    names = ("bwa_ID000102", "sG1IterDecon_ID01", "render-7", "cat", "7")
    assert [kind_of(name) for name in names] == ["bwa", "sG1IterDecon", "render", "cat", "7"]


# ── drawn ─────────────────────────────────────────────────────────────────────────────────────


def test_a_seed_draws_the_same_jobs_again():
    recipe = recipe_of("jobs=200 arrivals=poisson:200/h vcpus=0.25:5,1:3 failures=2% dependent=10%")
    lines = list(recipe.lines(7))
    assert lines == list(recipe.lines(7)) != list(recipe.lines(8))
    assert {line["cores"] for line in lines} == {0.25, 1}
    assert 0 < sum("after" in line for line in lines) < 60
    assert len(workload_of(lines).jobs) == 200


def test_log_normal_runtimes_have_the_median_asked_for():
    lines = list(recipe_of("jobs=4001 runtime=lognormal:300s,1.2").lines(1))
    middle = sorted(line["runtime_s"] for line in lines)[2000]
    assert 270 < middle < 330


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("speed=9", "'speed=9': NAME=VALUE is needed"),
        ("jobs=0", "jobs is '0': a whole number from 1"),
        ("jobs=1 jobs=2", "says jobs twice"),
        ("arrivals=now", "arrivals is 'now': all, poisson:200/h"),
        ("runtime=normal:1,2", "runtime is 'normal:1,2'"),
        ("runtime=lognormal:1s,99", "a sigma from 0 to 5"),
        ("vcpus=0", "vcpus is '0'"),
        ("failures=200%", "failures is '200%': a share"),
    ],
)
def test_a_setting_that_is_not_allowed_is_told(settings, said):
    with pytest.raises(WorkloadError) as refused:
        recipe_of(settings)
    assert said in str(refused.value)


# ── history ───────────────────────────────────────────────────────────────────────────────────


def test_history_comes_back_as_it_went():
    from lambdas.core.job import Status
    from simulator.fargate import Outcome
    from simulator.world import World

    world = World(lambda name, attempt: Outcome(4_000, exit_code=int(name == "b" and attempt == 1)))
    world.environment()
    world.queue()
    world.definition()
    first = world.submit("a")
    world.run(1)
    world.submit("b", retryStrategy={"attempts": 2}, dependsOn=[{"jobId": first}])
    world.run(10)
    waiting = world.submit("c", dependsOn=[{"jobId": world.submit("d")}])

    history = read_history(_Client(world), ["default"], 0)
    assert [line["job"] for line in history.lines] == ["a", "b"]
    assert [len(line["goes"]) for line in history.lines] == [1, 2]
    assert history.lines[1]["after"] == [first]
    assert history.left_out == {"have not ended": 2}
    assert world.state(waiting).status is not Status.SUCCEEDED
    again = workload_of(history.lines).jobs
    assert again[1].goes == (Attempt(4_000, 1), Attempt(4_000, 0))
    assert again[1].parents == (0,)


class _Client:
    def __init__(self, world):
        self._jobs = world.platform.jobs

    def list_jobs(self, **asked):
        return self._jobs.list(asked)

    def describe_jobs(self, **asked):
        return self._jobs.describe(asked)
