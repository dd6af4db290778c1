"""The wait machine writes exactly what `core.transitions` says it writes.

The synthesized arguments of each state are evaluated as Step Functions would and carried out on a
table; the core's own write is carried out on a twin. Whatever stood there before, both must end
alike: the same item, or both refused.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import jsonata
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lambdas.adapters.aws.table import DynamoTable
from lambdas.adapters.aws.wire import from_wire, to_wire
from lambdas.core import transitions
from lambdas.core.errors import ConditionFailed
from lambdas.core.job import JobState, Status, Waiting, state_key
from lambdas.core.outbox import DEPENDENCY_FAILED, WITHDRAWN
from lambdas.core.tables import JOBS, Update
from tests.infrastructure.conftest import Templates
from tests.infrastructure.reading import flat, resources, statements
from tests.moto_tables import create_table

NOW = 1_795_000_000_123
TOKEN = "AAAAKgAAAAIAAAAAAAAAA"
STATE = JobState(
    id="11111111-2222-4333-8444-555555555555",
    name="n",
    queue="default",
    definition="d:1",
    status=Status.PENDING,
    created=NOW - 1000,
    shape="",
    wait=3,
    waiting=Waiting.DEPENDENCIES,
)
INPUT = transitions.wait_input(STATE, 90)

CORE: Mapping[str, Update] = {
    "AwaitDependencies": transitions.sleep(INPUT, TOKEN),
    "Release": transitions.release(INPUT, NOW),
    "Fail": transitions.dependency_failed(INPUT, NOW),
}


@pytest.fixture(scope="module")
def machine(templates: Templates) -> Mapping[str, Any]:
    (properties,) = resources(
        templates["control-plane"], "AWS::StepFunctions::StateMachine"
    ).values()
    return properties


@pytest.fixture(scope="module")
def states(machine: Mapping[str, Any]) -> Mapping[str, Any]:
    return machine["Definition"]["States"]


@pytest.fixture
def twins() -> Iterator[tuple[Any, DynamoTable]]:
    """A table for the machine's write (by client) and one for the core's."""
    with mock_aws():
        client = boto3.client("dynamodb")
        create_table(client, "machine", JOBS)
        create_table(client, "core", JOBS)
        yield client, DynamoTable(client, "core", JOBS)


def items() -> Iterator[dict[str, Any]]:
    """Everything a wait can meet: any status, this wait or another, waiting or not."""
    key = state_key(STATE.id)
    for status, wait, waiting, token in itertools.product(
        Status, (3, 4), (None, "dependencies", "backoff"), (None, "old")
    ):
        item = {"pk": key.pk, "sk": key.sk, "status": status.value, "wait": wait, "ticket": 2}
        optional = {"waiting": waiting, "token": token, "until": 5 if waiting else None}
        yield item | {name: value for name, value in optional.items() if value is not None}


@pytest.mark.parametrize("name", CORE)
def test_a_state_writes_what_the_core_says(
    states: Mapping[str, Any], twins: tuple[Any, DynamoTable], name: str
) -> None:
    client, core = twins
    request = {**evaluated(states[name]["Arguments"]), "TableName": "machine"}
    seen = set()
    for item in items():
        for table in ("machine", "core"):
            client.put_item(TableName=table, Item=to_wire(item))
        ours = _by_machine(client, request)
        assert ours == _by_core(core, CORE[name]), item
        seen.add(ours is None)
    assert seen == {True, False}, "both outcomes must have been met"


def test_an_absent_job_is_never_made(
    states: Mapping[str, Any], twins: tuple[Any, DynamoTable]
) -> None:
    client, _ = twins
    for name in CORE:
        request = {**evaluated(states[name]["Arguments"]), "TableName": "machine"}
        assert _by_machine(client, request) is None


def test_the_machine_writes_to_the_jobs_table(
    templates: Templates, states: Mapping[str, Any]
) -> None:
    for name in CORE:
        assert "jobstable" in flat(states[name]["Arguments"]["TableName"])


def test_the_paths_through_the_machine(states: Mapping[str, Any]) -> None:
    why = states["Why?"]
    assert _condition(why, "backoff") is True
    assert _condition(why, "dependencies") is False
    assert why["Choices"][0]["Next"] == "Backoff"
    assert why["Default"] == "AwaitDependencies"
    assert states["Backoff"]["Next"] == states["AwaitDependencies"]["Next"] == "Release"
    assert states["Release"]["Next"] == states["Fail"]["Next"] == "Done"
    assert states["Done"] == {"Type": "Succeed"}


def test_a_backoff_ends_when_the_job_says(states: Mapping[str, Any]) -> None:
    stamp = states["Backoff"]["Timestamp"]
    assert _evaluate(stamp, {**INPUT, "until": NOW}) == "2026-11-18T11:06:40.123Z"


def test_named_failures_are_caught(states: Mapping[str, Any]) -> None:
    """A dependency's failure fails the job; whoever was faster ends the wait without a word; what
    nobody expects fails the execution, and an alarm sees it."""
    caught = {
        error: catch["Next"]
        for catch in states["AwaitDependencies"]["Catch"]
        for error in catch["ErrorEquals"]
    }
    refused = "DynamoDb.ConditionalCheckFailedException"
    assert caught == {DEPENDENCY_FAILED: "Fail", WITHDRAWN: "Done", refused: "Done"}
    for name in ("Release", "Fail"):
        assert states[name]["Catch"] == [{"ErrorEquals": [refused], "Next": "Done"}]


def test_throttling_is_waited_out(states: Mapping[str, Any]) -> None:
    for name in CORE:
        (retry,) = states[name]["Retry"]
        assert "DynamoDb.ProvisionedThroughputExceededException" in retry["ErrorEquals"]
        assert "DynamoDb.TransactionConflictException" in retry["ErrorEquals"]
        assert retry["JitterStrategy"] == "FULL"


def test_only_the_wait_for_dependencies_waits_for_a_token(states: Mapping[str, Any]) -> None:
    ends = {name: str(flat(states[name]["Resource"])).rsplit(":", 1)[-1] for name in CORE}
    assert ends == {
        "AwaitDependencies": "updateItem.waitForTaskToken",
        "Release": "updateItem",
        "Fail": "updateItem",
    }


def test_the_machine_logs_every_step_but_no_token(machine: Mapping[str, Any]) -> None:
    logging = machine["LoggingConfiguration"]
    assert logging["Level"] == "ALL"
    assert logging["IncludeExecutionData"] is False
    assert machine["StateMachineType"] == "STANDARD"


def test_the_machine_may_update_items_and_nothing_else(templates: Templates) -> None:
    roles = resources(templates["control-plane"], "AWS::IAM::Role")
    (role,) = (properties for name, properties in roles.items() if name.startswith("Wait"))
    actions = {s["Sid"]: s["Action"] for s in statements(role)}
    assert actions.pop("WriteWaitingJobs") == "dynamodb:UpdateItem"
    assert set(actions) == {"DeliverLogs"}


# ── Step Functions' part ──────────────────────────────────────────────────────────────────────


def evaluated(value: Any) -> Any:
    """Arguments with every `{% … %}` replaced by what it comes to."""
    if isinstance(value, Mapping):
        if set(value) & {"Ref", "Fn::Join"}:
            return "machine"
        return {name: evaluated(part) for name, part in value.items()}
    return _evaluate(value, INPUT) if isinstance(value, str) else value


def _evaluate(text: str, request: Mapping[str, Any]) -> Any:
    found = re.fullmatch(r"\{% (.*) %\}", text)
    if not found:
        return text
    expression = jsonata.Jsonata(found[1].replace("$millis()", str(NOW)))
    context = {"Execution": {"Input": request}, "Task": {"Token": TOKEN}}
    expression.assign("states", {"context": context, "input": request})
    return expression.evaluate(None)


def _condition(choice: Mapping[str, Any], why: str) -> Any:
    return _evaluate(choice["Choices"][0]["Condition"], {**INPUT, "why": why})


def _by_machine(client: Any, request: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        answer = client.update_item(**request, ReturnValues="ALL_NEW")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return None
    return from_wire(answer["Attributes"])


def _by_core(table: DynamoTable, update: Update) -> dict[str, Any] | None:
    try:
        item = table.write(update)
    except ConditionFailed:
        return None
    assert item is not None
    return dict(item)
