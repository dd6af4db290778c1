"""The Waits port: executions by name, and tokens answered once."""

# ruff: noqa: PT011 - that both raise a ValueError is the contract; its words are not

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from lambdas.adapters.aws.waits import StepFunctionsWaits
from lambdas.adapters.memory.waits import Answer, MemoryWaits
from lambdas.core.errors import Throttled
from lambdas.core.outbox import DEPENDENCY_FAILED
from lambdas.core.ports import Waits

Started = Callable[[], dict[str, Mapping[str, Any]]]
DEFINITION = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})


@pytest.fixture
def machine(where: str) -> tuple[Waits, Started]:
    """The machine, and the executions that were started."""
    if where == "memory":
        waits = MemoryWaits()
        return waits, lambda: dict(waits.started)
    client = boto3.client("stepfunctions")
    role = "arn:aws:iam::123456789012:role/wait"
    made = client.create_state_machine(name="wait", definition=DEFINITION, roleArn=role)
    arn = made["stateMachineArn"]

    def started() -> dict[str, Mapping[str, Any]]:
        arns = client.list_executions(stateMachineArn=arn)["executions"]
        told = [client.describe_execution(executionArn=e["executionArn"]) for e in arns]
        return {execution["name"]: json.loads(execution["input"]) for execution in told}

    return StepFunctionsWaits(client, arn), started


def test_an_execution_is_started_with_its_request(machine: tuple[Waits, Started]) -> None:
    waits, started = machine
    waits.start("job-0-1", {"pk": "JOB#a", "wait": 1, "until": 0})
    assert started() == {"job-0-1": {"pk": "JOB#a", "wait": 1, "until": 0}}


def test_a_name_that_was_used_is_success(machine: tuple[Waits, Started]) -> None:
    waits, started = machine
    waits.start("job-0-1", {"wait": 1})
    waits.start("job-0-1", {"wait": 1})
    waits.start("job-0-2", {"wait": 2})
    assert sorted(started()) == ["job-0-1", "job-0-2"]


@pytest.mark.parametrize("name", ["", "x" * 81, "a:b", "a b", "é"])
def test_a_wrong_name_is_refused(machine: tuple[Waits, Started], name: str) -> None:
    waits, started = machine
    with pytest.raises(ValueError):
        waits.start(name, {})
    assert started() == {}


@pytest.mark.parametrize("token", ["AAAAKgAAAAIAAAAAAAAAA", "x", "é"])
def test_an_answer_to_a_token_that_nobody_waits_for_is_no_error(
    machine: tuple[Waits, Started], token: str
) -> None:
    waits, _ = machine
    waits.succeed(token)
    waits.fail(token, DEPENDENCY_FAILED, "x" * 40_000)


def test_the_first_answer_stands() -> None:
    waits = MemoryWaits()
    waits.fail("t", "DependencyFailed", "because")
    waits.succeed("t")
    waits.succeed("u")
    assert waits.answers == {"t": Answer("DependencyFailed", "because"), "u": Answer()}


@pytest.fixture
def stepfunctions() -> Any:
    client = boto3.client("stepfunctions")
    with Stubber(client) as stub:
        yield client, stub


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_token_that_is_spent_is_no_error(stepfunctions: Any, code: str) -> None:
    client, stub = stepfunctions
    stub.add_client_error("send_task_success", code)
    stub.add_client_error("send_task_failure", code)
    waits = StepFunctionsWaits(client, "arn")
    waits.succeed("t")
    waits.fail("t", "error", "cause")
    stub.assert_no_pending_responses()


def test_other_errors_are_told(stepfunctions: Any) -> None:
    client, stub = stepfunctions
    waits = StepFunctionsWaits(client, "arn")
    stub.add_client_error("send_task_success", "ThrottlingException", http_status_code=400)
    with pytest.raises(Throttled):
        waits.succeed("t")
    stub.add_client_error("start_execution", "ExecutionLimitExceeded")
    with pytest.raises(Throttled):
        waits.start("n", {})
    stub.add_client_error("start_execution", "StateMachineDoesNotExist")
    with pytest.raises(ClientError):
        waits.start("n", {})
