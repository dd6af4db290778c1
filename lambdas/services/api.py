"""Every operation of the API: what it is called, and who answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lambdas.core.errors import ClientError
from lambdas.services.catalog_entries import Author
from lambdas.services.definitions import DefinitionService
from lambdas.services.environments import EnvironmentService
from lambdas.services.policies import PolicyService
from lambdas.services.queues import QueueService
from lambdas.services.tagging import TaggingService

Body = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the IAM ARN, and the client token of the call if there is one."""

    arn: str
    token: str | None = None


class Model(Protocol):
    """The service model: what a request may hold (adapters.aws.batch_model)."""

    def operation_of(self, path: str, method: str = "POST") -> str | None: ...

    def validate_request(self, operation: str, body: Body) -> None: ...


class Submits(Protocol):
    def submit(self, body: Body, caller: str, token: str | None) -> Answer: ...


class Jobs(Protocol):
    def describe(self, body: Body) -> Answer: ...

    def list(self, body: Body) -> Answer: ...

    def cancel(self, body: Body, caller: str) -> Answer: ...

    def terminate(self, body: Body, caller: str) -> Answer: ...


class BulkCalls(Protocol):
    def submit(self, body: Body, caller: str, token: str | None) -> Answer: ...

    def cancel(self, body: Body, caller: str) -> Answer: ...

    def terminate(self, body: Body, caller: str) -> Answer: ...


class Explains(Protocol):
    def explain(self, body: Body) -> Answer: ...


class Queueing(Protocol):
    def hold(self, body: Body, caller: str) -> Answer: ...

    def release(self, body: Body, caller: str) -> Answer: ...

    def move(self, body: Body, caller: str) -> Answer: ...

    def prioritize(self, body: Body, caller: str) -> Answer: ...


class Snapshots(Protocol):
    def snapshot(self, body: Body) -> Answer: ...


Operation = Callable[[Body, Caller], Answer]


class Api:
    """Validates a request against the model and hands it to the service that answers it."""

    def __init__(
        self,
        *,
        model: Model,
        environments: EnvironmentService,
        queues: QueueService,
        definitions: DefinitionService,
        policies: PolicyService,
        tagging: TaggingService,
        submits: Submits,
        jobs: Jobs,
        bulk: BulkCalls,
        explains: Explains,
        snapshots: Snapshots,
        queueing: Queueing,
    ) -> None:
        self._model = model
        self._operations: Mapping[str, Operation] = {
            "CreateComputeEnvironment": _authored(environments.create),
            "UpdateComputeEnvironment": _authored(environments.update),
            "DeleteComputeEnvironment": _authored(environments.delete),
            "DescribeComputeEnvironments": _read(environments.describe),
            "CreateJobQueue": _authored(queues.create),
            "UpdateJobQueue": _authored(queues.update),
            "DeleteJobQueue": _authored(queues.delete),
            "DescribeJobQueues": _read(queues.describe),
            "RegisterJobDefinition": _authored(definitions.register),
            "DeregisterJobDefinition": _authored(definitions.deregister),
            "DescribeJobDefinitions": _read(definitions.describe),
            "CreateSchedulingPolicy": _authored(policies.create),
            "UpdateSchedulingPolicy": _authored(policies.update),
            "DeleteSchedulingPolicy": _authored(policies.delete),
            "DescribeSchedulingPolicies": _read(policies.describe),
            "ListSchedulingPolicies": _read(policies.list),
            "TagResource": _authored(tagging.tag),
            "UntagResource": _authored(tagging.untag),
            "ListTagsForResource": _read(tagging.list),
            "SubmitJob": lambda body, caller: submits.submit(body, caller.arn, caller.token),
            "DescribeJobs": _read(jobs.describe),
            "ListJobs": _read(jobs.list),
            "CancelJob": lambda body, caller: jobs.cancel(body, caller.arn),
            "TerminateJob": lambda body, caller: jobs.terminate(body, caller.arn),
            "SubmitJobs": lambda body, caller: bulk.submit(body, caller.arn, caller.token),
            "CancelJobs": lambda body, caller: bulk.cancel(body, caller.arn),
            "TerminateJobs": lambda body, caller: bulk.terminate(body, caller.arn),
            "GetJobQueueSnapshot": _read(snapshots.snapshot),
            "Explain": _read(explains.explain),
            "HoldJob": lambda body, caller: queueing.hold(body, caller.arn),
            "ReleaseJob": lambda body, caller: queueing.release(body, caller.arn),
            "MoveJob": lambda body, caller: queueing.move(body, caller.arn),
            "PrioritizeJob": lambda body, caller: queueing.prioritize(body, caller.arn),
        }

    @property
    def served(self) -> frozenset[str]:
        """The operations that are answered, our own among them; every other one of AWS Batch's is
        refused by name."""
        return frozenset(self._operations)

    def operation_of(self, path: str, method: str = "POST") -> str | None:
        """The operation behind a path; None when there is none."""
        return self._model.operation_of(path, method)

    def call(self, operation: str, body: Body, caller: Caller) -> Answer:
        """The operation's answer. Raises ApiError."""
        answer = self._operations.get(operation)
        if answer is None:
            raise ClientError(f"{operation} is not supported by this platform.")
        self._model.validate_request(operation, body)
        return answer(body, caller)


def _authored(answer: Callable[[Body, Author], Answer]) -> Operation:
    return lambda body, caller: answer(body, Author(caller.arn))


def _read(answer: Callable[[Body], Answer]) -> Operation:
    return lambda body, _: answer(body)
