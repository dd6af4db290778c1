"""The simulator's wait machine and the synthesized one: the same scenarios end alike.

The definition is the one that is deployed, run by the embedded cloud on a table of its own; the
other is `simulator.wait_machine` on a table in memory. What each did to the job is compared, moments
apart; tests/infrastructure/test_wait_machine.py compares each single write.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import boto3
import pytest

from lambdas.adapters.aws.table import DynamoTable
from lambdas.adapters.aws.waits import StepFunctionsWaits
from lambdas.adapters.memory.table import MemoryTable
from lambdas.adapters.memory.waits import MemoryWaits
from lambdas.core import transitions
from lambdas.core.job import JobState, Status, Waiting, state_key
from lambdas.core.outbox import DEPENDENCY_FAILED, WITHDRAWN
from lambdas.core.ports import Table, Waits
from lambdas.core.tables import JOBS, Put, Update
from simulator.wait_machine import WaitMachine
from tests.e2e.yard import eventually
from tests.infrastructure.conftest import functions_zip, synthesize, templates
from tests.infrastructure.reading import resources
from tests.moto_tables import create_table

__all__ = ["functions_zip", "synthesize", "templates"]

NOW = 1_795_000_000_000
ROLE = "arn:aws:iam::123456789012:role/wait"
NAME = "job-0-3"
KEY = state_key("11111111-2222-4333-8444-555555555555")
JOB = JobState(
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


class Side:
    """One of the two: its table, the port that starts and answers, and how it comes to rest."""

    table: Table
    waits: Waits

    def rest(self) -> None:
        """Go on until nothing moves by itself."""
        raise NotImplementedError

    def job(self) -> dict[str, Any]:
        return dict(self.table.get(KEY) or {})

    def answer(self, error: str | None = None) -> None:
        """Answer the token that stands on the job."""
        token = self.job()["token"]
        if error is None:
            self.waits.succeed(token)
        else:
            self.waits.fail(token, error, "because")
        self.rest()

    def start(self, **changes: Any) -> None:
        self.waits.start(NAME, {**transitions.wait_input(JOB, 90), **changes})
        self.rest()

    def change(self, **changes: Any) -> None:
        """What somebody else does to the job meanwhile."""
        self.table.write(Update(KEY, put=changes))


class InMemory(Side):
    def __init__(self) -> None:
        self._due: list[Callable[[], object]] = []
        self.table, self.waits = MemoryTable(JOBS), MemoryWaits()
        WaitMachine(self.waits, self.table, _Clock(), lambda _when, do: self._due.append(do))

    def rest(self) -> None:
        while self._due:
            self._due.pop(0)()


class _Clock:
    def now(self) -> int:
        return NOW


class OnTheCloud(Side):
    def __init__(self, definition: str) -> None:
        dynamo, self._states = boto3.client("dynamodb"), boto3.client("stepfunctions")
        create_table(dynamo, "jobs", JOBS)
        self.table = DynamoTable(dynamo, "jobs", JOBS)
        made = self._states.create_state_machine(name="wait", definition=definition, roleArn=ROLE)
        self._machine = made["stateMachineArn"]
        self.waits = StepFunctionsWaits(self._states, self._machine)

    def rest(self) -> None:
        eventually(self._at_rest, 20)

    def _at_rest(self) -> bool:
        """Every execution has ended, or has just written the token it waits with."""
        arns = self._states.list_executions(stateMachineArn=self._machine)["executions"]
        return all(one["status"] != "RUNNING" or self._asleep(one) for one in arns)

    def _asleep(self, execution: Mapping[str, Any]) -> bool:
        arn = execution["executionArn"]
        events = self._states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        last = events[-1]["type"]
        return "token" in self.job() and last in ("TaskSubmitted", "TaskStarted", "TaskScheduled")


@pytest.fixture
def definition(templates: Mapping[str, Any]) -> str:
    machines = resources(templates["control-plane"], "AWS::StepFunctions::StateMachine")
    (properties,) = machines.values()
    return json.dumps(_resolved(properties["Definition"]))


def _resolved(value: Any) -> Any:
    """The template's references, as this test's names."""
    if isinstance(value, Mapping):
        if "Fn::Join" in value:
            between, parts = value["Fn::Join"]
            return between.join(_resolved(part) for part in parts)
        if set(value) <= {"Ref", "Fn::ImportValue", "Fn::GetAtt"}:
            return "aws" if value.get("Ref") == "AWS::Partition" else "jobs"
        return {name: _resolved(part) for name, part in value.items()}
    return [_resolved(part) for part in value] if isinstance(value, list) else value


Step = Callable[[Side], object]

SCENARIOS: Mapping[str, Sequence[Step]] = {
    "every dependency ended": [Side.start, Side.answer],
    "a dependency failed": [Side.start, lambda side: side.answer(DEPENDENCY_FAILED)],
    "the job was cancelled": [Side.start, lambda side: side.answer(WITHDRAWN)],
    "failed as nobody expects": [Side.start, lambda side: side.answer("Surprise")],
    "started again while it sleeps": [Side.start, Side.start, Side.answer],
    "started again when it had ended": [Side.start, Side.answer, Side.start],
    "an older wait starts late": [lambda side: side.change(wait=4), Side.start],
    "the job ended before the wait began": [
        lambda side: side.change(status="FAILED"),
        Side.start,
    ],
    "another wait took over while it slept": [
        Side.start,
        lambda side: side.change(wait=4),
        Side.answer,
    ],
    "the job ended while it slept, then a dependency failed": [
        Side.start,
        lambda side: side.change(status="FAILED"),
        lambda side: side.answer(DEPENDENCY_FAILED),
    ],
    "a backoff is over": [
        lambda side: side.change(status="RUNNABLE", waiting="backoff"),
        lambda side: side.start(why="backoff", until=NOW - 60_000_000),
    ],
    "a backoff is over, and the job was cancelled": [
        lambda side: side.change(status="FAILED", waiting="backoff"),
        lambda side: side.start(why="backoff", until=NOW - 60_000_000),
    ],
    "a backoff of an older wait is over": [
        lambda side: side.change(status="RUNNABLE", waiting="backoff", wait=4),
        lambda side: side.start(why="backoff", until=NOW - 60_000_000),
    ],
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_both_machines_end_alike(where: str, definition: str, scenario: str) -> None:
    ends = [_end(side, SCENARIOS[scenario]) for side in (InMemory(), OnTheCloud(definition))]
    assert ends[0] == ends[1]


def _end(side: Side, steps: Sequence[Step]) -> dict[str, Any]:
    first = {"status": "PENDING", "wait": 3, "waiting": "dependencies", "ticket": 2}
    side.table.write(Put({"pk": KEY.pk, "sk": KEY.sk, **first}))
    for step in steps:
        step(side)
    return {name: _timeless(name, value) for name, value in side.job().items()}


def _timeless(name: str, value: Any) -> Any:
    """Tokens are made up, and the cloud's moments are not the memory's."""
    if name == "token":
        return "a token"
    return "a moment" if isinstance(value, int) and value > 1_000_000_000 else value
