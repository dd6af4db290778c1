"""What the end of a task means for its job, in the words that clients match on."""

from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.core.conclude import Failure, Kind, conclude
from lambdas.core.extensions import LOSSES
from lambdas.core.job import JobState, Status
from lambdas.core.ports import TaskContainer, TaskReport

NOW = 1_000_000
ARN = "arn:aws:ecs:eu-west-1:123456789012:task/c/0123456789abcdef"


def state(**more):
    base = {
        "id": "11111111-1111-4111-8111-111111111111",
        "name": "job",
        "queue": "default",
        "definition": "task:1",
        "status": Status.RUNNING,
        "created": 1,
        "shape": "FARGATE/X86_64/250/512/0/0",
        "attempt": 1,
        "run": "r",
        "started": 900_000,
    }
    return JobState(**{**base, **more})


def report(exit_code=0, reason=None, **more):
    base = {
        "task": ARN,
        "started_by": "x/r",
        "status": "STOPPED",
        "version": 5,
        "started": 900_000,
        "stopped": 950_000,
        "stop_code": "EssentialContainerExited",
    }
    return TaskReport(container=TaskContainer(exit_code, reason), **{**base, **more})


def judge(a_report, a_state=None, retry=None, extensions=None, now=NOW):
    return conclude(a_state or state(), retry or {}, extensions or {}, a_report, now)


class TestSuccess:
    def test_exit_code_0(self):
        end = judge(report(0))
        assert (end.kind, end.failure) == (Kind.SUCCEEDED, None)
        assert end.outcome == {
            "stopped": 950_000,
            "exit": 0,
            "reason": None,
            "status_reason": "Essential container in task exited",
            "task": ARN,
            "started": 900_000,
        }

    def test_a_stop_that_came_too_late_changes_nothing(self):
        wished = state(stop="no longer needed", stop_kind="terminate")
        end = judge(report(0), wished)
        assert end.kind is Kind.SUCCEEDED
        assert end.outcome["status_reason"] == "Essential container in task exited"


class TestStops:
    def test_a_stopped_task_failed_even_if_it_exits_with_0(self):
        wished = state(stop="no longer needed", stop_kind="terminate")
        end = judge(report(0, stop_code="UserInitiated"), wished, {"attempts": 3})
        assert (end.kind, end.failure) == (Kind.FAILED, Failure.CANCELLED)
        assert end.outcome["status_reason"] == "no longer needed"

    def test_a_time_out(self):
        wished = state(stop="ran for more than 60 s", stop_kind="timeout")
        end = judge(report(137, stop_code="UserInitiated"), wished, {"attempts": 3})
        assert (end.kind, end.failure) == (Kind.FAILED, Failure.TIME_OUT)
        assert end.outcome["status_reason"] == "Job attempt duration exceeded timeout"
        assert end.outcome["exit"] == 137

    def test_a_job_that_failed_by_itself_before_the_stop_is_not_retried(self):
        wished = state(stop="enough", stop_kind="terminate")
        assert judge(report(1), wished, {"attempts": 3}).kind is Kind.FAILED

    def test_a_task_stopped_by_a_stranger_says_so_and_may_be_retried(self):
        told = report(137, stop_code="UserInitiated", stopped_reason="Task stopped by user")
        end = judge(told, retry={"attempts": 2})
        assert (end.kind, end.failure) == (Kind.RETRY, Failure.INFRASTRUCTURE)
        assert end.outcome["status_reason"] == "Task stopped by user"


class TestFailures:
    def test_an_exit_code(self):
        end = judge(report(3))
        assert (end.kind, end.failure) == (Kind.FAILED, Failure.APPLICATION)
        assert end.outcome["status_reason"] == "Essential container in task exited"

    def test_out_of_memory(self):
        reason = "OutOfMemoryError: Container killed due to memory usage"
        end = judge(report(137, reason))
        assert end.failure is Failure.OUT_OF_MEMORY
        assert (end.outcome["exit"], end.outcome["reason"]) == (137, reason)

    @pytest.mark.parametrize("in_container", [True, False])
    def test_an_image_that_cannot_be_pulled(self, in_container):
        words = "CannotPullContainerError: pull image manifest has been retried 5 time(s)"
        told = report(
            None,
            words if in_container else None,
            started=None,
            stop_code="TaskFailedToStart",
            stopped_reason="Task failed to start" if in_container else words,
        )
        end = judge(told, state(status=Status.STARTING, started=None))
        assert end.failure is Failure.IMAGE
        assert end.outcome["reason"] == words
        assert end.outcome["status_reason"] == "Task failed to start"

    def test_a_task_that_ecs_refuses_for_good_is_not_retried(self):
        told = report(
            None,
            "ClientException: Role is not valid.",
            task="",
            started=None,
            stop_code="TaskFailedToStart",
            stopped_reason="ClientException: Role is not valid.",
        )
        end = judge(told, state(status=Status.STARTING, started=None), {"attempts": 5})
        assert (end.kind, end.failure) == (Kind.FAILED, Failure.DEFINITION)
        assert end.outcome["reason"] == "ClientException: Role is not valid."
        assert end.outcome["task"] is None

    def test_a_disk_that_is_full_is_not_the_image_s_fault(self):
        words = "CannotPullContainerError: write /layer.tar: no space left on device"
        assert judge(report(None, words, started=None)).failure is Failure.DISK_FULL

    def test_its_class_is_told_with_the_outcome(self):
        assert judge(report(3)).outcome["failure"] == "application"
        assert "failure" not in judge(report(0)).outcome


class TestSparedLosses:
    LOST: ClassVar = report(
        137, stop_code="SpotInterruption", stopped_reason="Your Spot Task was interrupted."
    )

    def test_the_first_five_cost_no_attempt(self):
        kinds = [judge(self.LOST, state(attempt=n + 1, lost=n)).kind for n in range(6)]
        assert kinds == [*[Kind.RETRY] * 5, Kind.FAILED]

    def test_as_many_as_the_job_says(self):
        none = {"infrastructure-attempts": "0"}
        assert judge(self.LOST, extensions=none).kind is Kind.FAILED

    def test_a_rule_that_says_exit_is_obeyed(self):
        rule = {"onStatusReason": "Your Spot*", "action": "EXIT"}
        assert judge(self.LOST, retry={"attempts": 3, "evaluateOnExit": [rule]}).kind is Kind.FAILED

    def test_a_stop_that_somebody_wished_for_is_none(self):
        assert judge(self.LOST, state(stop="enough", stop_kind="cancel")).kind is Kind.FAILED

    def test_leave_the_program_the_attempts_it_was_given(self):
        third = state(attempt=3, lost=2)
        assert judge(report(1), third, {"attempts": 2}).kind is Kind.RETRY
        assert judge(report(1), state(attempt=4, lost=2), {"attempts": 2}).kind is Kind.FAILED

    def test_a_program_that_fails_is_not_spared(self):
        assert judge(report(1)).kind is Kind.FAILED


class TestLostHosts:
    def test_fargate_spot(self):
        told = report(
            0, stop_code="SpotInterruption", stopped_reason="Your Spot Task was interrupted."
        )
        end = judge(told, retry={"attempts": 2})
        assert (end.kind, end.failure) == (Kind.RETRY, Failure.INFRASTRUCTURE)
        assert end.outcome["status_reason"] == "Your Spot Task was interrupted."

    def test_an_ec2_host_in_ecs_words(self):
        words = "Host EC2 (instance i-0abc) terminated."
        end = judge(report(None, stopped_reason=words, stop_code=None))
        assert (end.failure, end.outcome["status_reason"]) == (Failure.INFRASTRUCTURE, words)

    def test_an_ec2_host_by_its_id(self):
        end = judge(report(143, host="i-0abc", stop_code="SpotInterruption"))
        assert end.outcome["status_reason"] == "Host EC2 (instance i-0abc) terminated."

    def test_silence_is_the_platforms_fault(self):
        end = judge(report(None, started=None, stop_code=None), state(started=None))
        assert end.failure is Failure.INFRASTRUCTURE


class TestRetries:
    def test_at_once_without_a_backoff(self):
        end = judge(report(1), retry={"attempts": 2})
        assert (end.kind, end.until) == (Kind.RETRY, None)

    def test_a_backoff_counts_from_the_end_of_the_attempt(self):
        told = {"backoff": "10s x2 max 10m"}
        first = judge(report(1), state(), {"attempts": 9}, told, now=951_000)
        third = judge(report(1), state(attempt=3), {"attempts": 9}, told, now=951_000)
        assert (first.until, third.until) == (960_000, 990_000)

    def test_a_backoff_that_is_over_is_none(self):
        end = judge(report(1), state(), {"attempts": 9}, {"backoff": "10s"}, now=960_000)
        assert (end.kind, end.until) == (Kind.RETRY, None)


reports = st.builds(
    report,
    exit_code=st.none() | st.integers(0, 255),
    reason=st.none() | st.text(max_size=400),
    started=st.none() | st.integers(1, NOW),
    stopped=st.none() | st.integers(1, NOW),
    stopped_reason=st.none() | st.text(max_size=400),
    host=st.none() | st.just("i-1"),
    stop_code=st.sampled_from(
        [
            None,
            "EssentialContainerExited",
            "TaskFailedToStart",
            "UserInitiated",
            "SpotInterruption",
            "TerminationNotice",
            "ServiceSchedulerInitiated",
        ]
    ),
)
states = st.builds(
    state,
    attempt=st.integers(1, 10),
    started=st.none() | st.integers(1, NOW),
    stop=st.none() | st.text(min_size=1, max_size=20),
    stop_kind=st.sampled_from(["cancel", "terminate", "timeout"]),
)


@given(reports, states, st.integers(1, 10))
def test_every_report_has_a_conclusion_and_a_reason(a_report, a_state, attempts):
    end = judge(a_report, a_state, {"attempts": attempts})
    assert end.outcome["status_reason"]
    assert len(end.outcome["status_reason"]) <= 255
    assert len(end.outcome["reason"] or "") <= 255
    assert end.outcome["stopped"] > 0
    assert end.reason
    assert (end.failure is None) == (end.kind is Kind.SUCCEEDED)


@given(reports, states, st.integers(1, 10))
def test_success_takes_an_exit_code_0_and_a_retry_an_attempt_left(a_report, a_state, attempts):
    end = judge(a_report, a_state, {"attempts": attempts})
    if end.kind is Kind.SUCCEEDED:
        assert a_report.container.exit_code == 0
    if end.kind is Kind.RETRY:
        assert a_state.attempt < attempts or (end.spared and a_state.lost < LOSSES)
        assert a_state.stop is None
