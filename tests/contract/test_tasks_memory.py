"""ECS's rules as the memory adapter keeps them: tokens, refusals, and the life of a task."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.adapters.memory.clock import EPOCH, VirtualClock
from lambdas.adapters.memory.tasks import MemoryTasks
from lambdas.core.errors import CapacityUnavailable, TaskConflict, TaskRefused, Throttled
from lambdas.core.ports import TaskContainer, TaskReport


@pytest.fixture
def tasks(clock: VirtualClock) -> MemoryTasks:
    return MemoryTasks(clock)


@pytest.fixture
def wanted(tasks: MemoryTasks) -> dict[str, Any]:
    containers = [{"name": "default", "image": "busybox"}]
    definition = tasks.register({"family": "hello", "containerDefinitions": containers})
    return {"taskDefinition": definition, "clientToken": "token", "startedBy": "job/run"}


# ── client tokens ─────────────────────────────────────────────────────────────────────────────


def test_one_token_makes_one_task(tasks: MemoryTasks, wanted: dict[str, Any]) -> None:
    assert tasks.run(wanted) == tasks.run(dict(wanted))
    assert tasks.run({**wanted, "clientToken": "other"}) != tasks.run(wanted)
    assert len(tasks.tasks) == 2


def test_a_token_with_another_request_names_the_task_it_made(
    tasks: MemoryTasks, wanted: dict[str, Any]
) -> None:
    arn = tasks.run(wanted)
    with pytest.raises(TaskConflict) as conflict:
        tasks.run({**wanted, "startedBy": "job/other"})
    assert conflict.value.task == arn
    assert list(tasks.tasks) == [arn]


def test_a_forgotten_task_takes_its_token_along(tasks: MemoryTasks, wanted: dict[str, Any]) -> None:
    arn = tasks.run(wanted)
    tasks.finish(arn)
    assert tasks.run(wanted) == arn
    tasks.forget(arn)
    assert tasks.describe([arn]) == {}
    assert tasks.find("job/run") == []
    assert tasks.run(wanted) != arn


def test_what_a_caller_does_to_its_request_later_changes_nothing(
    tasks: MemoryTasks, wanted: dict[str, Any]
) -> None:
    wanted["overrides"] = {"containerOverrides": []}
    tasks.run(wanted)
    wanted["overrides"]["containerOverrides"].append({})
    with pytest.raises(TaskConflict):
        tasks.run(wanted)


# ── refusals ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fault",
    [
        {"clientToken": ""},
        {"clientToken": "x" * 65},
        {"clientToken": "a b"},
        {"clientToken": "é"},
        {"startedBy": "job:1/run"},
        {"startedBy": "job#1/run"},
        {"startedBy": "x" * 129},
        {"startedBy": ""},
        {"overrides": {"containerOverrides": [{"name": "x" * 8192}]}},
        {"count": 2},
        {"taskDefinition": "nothing:1"},
    ],
)
def test_what_ecs_never_accepts(
    tasks: MemoryTasks, wanted: dict[str, Any], fault: dict[str, Any]
) -> None:
    with pytest.raises(TaskRefused):
        tasks.run({**wanted, **fault})
    assert tasks.tasks == {}


def test_overrides_of_exactly_8192_characters_are_accepted(
    tasks: MemoryTasks, wanted: dict[str, Any]
) -> None:
    frame = len('{"containerOverrides":[{"name":""}]}')
    overrides = {"containerOverrides": [{"name": "x" * (8192 - frame)}]}
    assert tasks.run({**wanted, "overrides": overrides})


def test_an_inactive_definition_is_refused(tasks: MemoryTasks, wanted: dict[str, Any]) -> None:
    tasks.deregister(wanted["taskDefinition"])
    with pytest.raises(TaskRefused):
        tasks.run(wanted)


def test_failures_come_as_they_were_ordered(tasks: MemoryTasks, wanted: dict[str, Any]) -> None:
    tasks.fail_next(CapacityUnavailable("RESOURCE:CPU"))
    tasks.fail_next(Throttled("no answer"), made=True)
    with pytest.raises(CapacityUnavailable):
        tasks.run(wanted)
    assert tasks.tasks == {}
    with pytest.raises(Throttled):
        tasks.run(wanted)
    (made,) = tasks.tasks
    assert tasks.run(wanted) == made


# ── the life of a task ────────────────────────────────────────────────────────────────────────


def test_a_task_runs_and_ends(
    tasks: MemoryTasks, wanted: dict[str, Any], clock: VirtualClock
) -> None:
    arn = tasks.run(wanted)
    clock.advance(30_000)
    tasks.start(arn, private_ip="10.0.0.1")
    clock.advance(5_000)
    tasks.finish(arn, 3, reason="said so")
    running, stopped = tasks.events
    assert (running.status, running.started) == ("RUNNING", EPOCH + 30_000)
    assert stopped == TaskReport(
        task=arn,
        started_by="job/run",
        status="STOPPED",
        version=3,
        container=TaskContainer(3, "said so"),
        started=EPOCH + 30_000,
        stopped=EPOCH + 35_000,
        stop_code="EssentialContainerExited",
        stopped_reason="Essential container in task exited",
        private_ip="10.0.0.1",
    )
    assert tasks.describe([arn]) == {arn: stopped}
    assert running.version < stopped.version


def test_a_task_that_was_asked_to_stop_ends_by_that_word(
    tasks: MemoryTasks, wanted: dict[str, Any]
) -> None:
    arn = tasks.run(wanted)
    tasks.stop(arn, "Cancelled by the user")
    tasks.stop(arn, "a later reason")
    assert tasks.stops == {arn: "Cancelled by the user"}
    assert tasks.describe([arn])[arn].status == "PROVISIONING"
    tasks.finish(arn, 137)
    assert tasks.events[-1].stop_code == "UserInitiated"
    assert tasks.events[-1].stopped_reason == "Cancelled by the user"


def test_what_ecs_does_not_know_is_no_error(tasks: MemoryTasks) -> None:
    tasks.stop("arn:unknown", "why")
    assert tasks.stops == {}


def test_a_page_has_a_hundred_tasks(tasks: MemoryTasks, wanted: dict[str, Any]) -> None:
    for number in range(101):
        tasks.run({**wanted, "clientToken": str(number)})
    first, after = tasks.listing("RUNNING")
    assert (len(first), after) == (100, "100")
    assert tasks.listing("RUNNING", after) == ([list(tasks.tasks)[-1]], None)


def test_a_task_may_never_start(tasks: MemoryTasks, wanted: dict[str, Any]) -> None:
    arn = tasks.run(wanted)
    words = "CannotPullContainerError: no such image"
    tasks.finish(arn, None, stop_code="TaskFailedToStart", stopped_reason=words)
    (report,) = tasks.events
    assert (report.started, report.container.exit_code) == (None, None)
    assert (report.stop_code, report.stopped_reason) == ("TaskFailedToStart", words)
