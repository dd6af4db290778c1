"""What is owed: read off a state, and off the difference of two."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lambdas.core import outbox
from lambdas.core.job import (
    TRANSITIONS,
    JobState,
    Status,
    Waiting,
    ecs_safe,
    item_of,
    job_of_started_by,
    state_of,
)
from lambdas.core.outbox import newly_owed, owed

JOB = JobState(
    id="j",
    name="n",
    queue="q",
    definition="d:1",
    status=Status.RUNNABLE,
    created=1,
    shape="FARGATE/X86_64/250/512/0/0",
    ticket=1,
)
LIVE = replace(JOB, status=Status.STARTING, run="r", env="e", attempt=1)


@pytest.mark.parametrize(
    ("state", "effects"),
    [
        (JOB, [outbox.SendTicket("j", "q", 1)]),
        (replace(JOB, lane="l", rank="r"), []),
        (
            replace(JOB, status=Status.SUBMITTED, pages=2, expanded=1),
            [outbox.ExpandDependencies("j", 1)],
        ),
        (
            replace(JOB, status=Status.SUBMITTED, pages=2, expanded=2),
            [outbox.LeaveSubmitted("j")],
        ),
        (
            replace(JOB, status=Status.PENDING, wait=1, waiting=Waiting.DEPENDENCIES, pages=1),
            [outbox.StartWait("j", 0, 1, Waiting.DEPENDENCIES, None)],
        ),
        (
            replace(JOB, status=Status.PENDING, wait=1, token="t", pages=1, expanded=1),
            [],
        ),
        (
            replace(JOB, status=Status.PENDING, wait=1, token="t", pages=1, expanded=1, closed=1),
            [outbox.AnswerWait("j", "t", None, "")],
        ),
        (
            replace(JOB, status=Status.PENDING, wait=1, token="t", pages=1, doomed="x"),
            [outbox.AnswerWait("j", "t", "DependencyFailed", "Dependent Job failed: x")],
        ),
        (LIVE, [outbox.Launch("j", "r")]),
        (replace(LIVE, stop="enough"), [outbox.Launch("j", "r")]),
        (replace(LIVE, stop="enough", task="t"), [outbox.StopTask("j", "t", "enough")]),
        (replace(LIVE, task="t"), []),
        (replace(JOB, status=Status.SUCCEEDED), []),
        (replace(JOB, status=Status.FAILED, fan=True), [outbox.ResolveDependents("j", False)]),
    ],
)
def test_a_state_names_its_debts(state, effects):
    assert list(owed(state)) == effects


@pytest.mark.parametrize("waiting", [None, outbox.Waiting.DEPENDENCIES])
def test_an_end_with_an_execution_to_answer_is_not_settled_by_its_dependents(waiting):
    token = "t" if waiting else None
    ended = replace(JOB, status=Status.FAILED, fan=True, waiting=waiting, token=token)
    assert owed(ended)[-1].settles is (waiting is None)


def test_a_change_of_something_else_owes_nothing_anew():
    assert newly_owed(JOB, replace(JOB, priority=7)) == ()


def test_a_new_ticket_is_a_new_debt():
    assert newly_owed(JOB, replace(JOB, ticket=2)) == (outbox.SendTicket("j", "q", 2),)


def test_the_end_of_an_attempt_rings_for_its_environment():
    ended = replace(LIVE, status=Status.SUCCEEDED)
    assert newly_owed(LIVE, ended) == (outbox.RingBell("e"),)
    again = replace(JOB, run=None, ticket=2)
    assert outbox.RingBell("e") in newly_owed(LIVE, again)


def test_every_wait_has_an_execution_name_of_its_own():
    child = outbox.StartWait("6f6f:12", 1, 3, Waiting.BACKOFF, 5)
    assert child.name == "6f6f_c12-1-3"


def test_a_tasks_started_by_names_job_and_attempt():
    for job in ("6f6f", "6f6f:12", "6f6f#3"):
        assert job_of_started_by(f"{ecs_safe(job)}/run") == (job, "run")
    assert job_of_started_by("ecs-svc/123") == ("ecs-svc", "123")
    assert job_of_started_by("somebody") is None


def test_an_item_reads_back_as_the_state_it_was_made_of():
    state = replace(LIVE, due_at=9, due_shard="DUE#1", share="team", waiting=Waiting.BACKOFF)
    assert state_of(item_of(state)) == state


def test_ended_jobs_stay_ended_and_every_status_can_be_reached():
    assert all(not TRANSITIONS[status] for status in Status if status.ended)
    reached = {Status.SUBMITTED}.union(*TRANSITIONS.values())
    assert reached == set(Status)
