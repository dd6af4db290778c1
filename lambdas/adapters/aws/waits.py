"""Executions of the `wait` state machine on Step Functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lambdas.adapters.aws.failures import code_of, throttling
from lambdas.adapters.limits import check_execution_name
from lambdas.adapters.meter import Meter

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

#: The token was answered, has expired or was never ours.
_SPENT = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")

#: Step Functions' bounds of SendTaskFailure.
_ERROR, _CAUSE = 256, 32768


class StepFunctionsWaits:
    """Starts executions of `machine` (its ARN) and answers their tokens."""

    def __init__(self, client: SFNClient, machine: str, meter: Meter | None = None) -> None:
        self._client = client
        self._machine = machine
        self._meter = meter

    def start(self, name: str, request: Mapping[str, Any]) -> None:
        check_execution_name(name)
        self._count("StartExecution")
        try:
            with throttling():
                self._client.start_execution(
                    stateMachineArn=self._machine, name=name, input=json.dumps(dict(request))
                )
        except ClientError as error:
            if code_of(error) != "ExecutionAlreadyExists":
                raise

    def succeed(self, token: str) -> None:
        self._count("SendTaskSuccess")
        try:
            with throttling():
                self._client.send_task_success(taskToken=token, output="{}")
        except ClientError as error:
            _allow_spent(error)

    def fail(self, token: str, error: str, cause: str) -> None:
        self._count("SendTaskFailure")
        try:
            with throttling():
                self._client.send_task_failure(
                    taskToken=token, error=error[:_ERROR], cause=cause[:_CAUSE]
                )
        except ClientError as refused:
            _allow_spent(refused)

    def _count(self, operation: str) -> None:
        if self._meter:
            self._meter.count("states", operation)


def _allow_spent(error: ClientError) -> None:
    if code_of(error) not in _SPENT:
        raise error
