"""SubmitJob: check everything, then one transaction; a job is there whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.core import rules_policy
from lambdas.core.catalog import Arns, Definition, Environment, Queue
from lambdas.core.dependencies import of_others, pages_for
from lambdas.core.errors import (
    ClientError,
    ResourceInUse,
    TokenReused,
    TooManyRequests,
    TransactionRefused,
    UnknownResource,
)
from lambdas.core.extensions import PREFIX
from lambdas.core.fitting import infeasible
from lambdas.core.identity import digest_of, job_id_for
from lambdas.core.job import JobState, Status, due_shard, family, item_of, spec_key, state_key
from lambdas.core.ports import Clock, Ids, Table
from lambdas.core.resolve import Resolved, resolve
from lambdas.core.rules_definition import LARGEST_DEFINITION
from lambdas.core.spec import JobSpec
from lambdas.core.tables import Absent, Put
from lambdas.core.task_request import fits_overrides
from lambdas.core.updates import OWED_WITHIN
from lambdas.services.catalog_store import CatalogStore
from lambdas.services.specs import Specs
from lambdas.services.task_definitions import TaskDefinitions

#: How often a submit that met another write of the same job in flight is tried.
_TRIES = 4


@dataclass(frozen=True, slots=True)
class _Request:
    """One call: its body, who sent it, the id its job has, and its digest."""

    body: Mapping[str, Any]
    caller: str
    job: str
    digest: str


class SubmitService:
    """Turns a request into a job. The same request with the same client token is the same job."""

    def __init__(
        self,
        *,
        jobs: Table,
        catalog: CatalogStore,
        task_definitions: TaskDefinitions,
        specs: Specs,
        clock: Clock,
        ids: Ids,
        arns: Arns,
        deployment: str,
    ) -> None:
        self._jobs = jobs
        self._catalog = catalog
        self._task_definitions = task_definitions
        self._specs = specs
        self._clock = clock
        self._ids = ids
        self._arns = arns
        self._deployment = deployment

    def submit(
        self, body: Mapping[str, Any], caller: str, token: str | None = None
    ) -> dict[str, Any]:
        """SubmitJob's answer. `caller` is an ARN; `token` the client's own idea of which call this
        is (its SDK's invocation id), for which the tag `batchyard:client-token` stands in.

        Raises ClientError with nothing written, Throttled with the outcome unknown: the same call
        with the same token finds out.
        """
        digest = digest_of(body)
        token = (body.get("tags") or {}).get(f"{PREFIX}client-token") or token
        job = job_id_for(self._deployment, caller, token) if token else self._ids.uuid()
        request = _Request(body, caller, job, digest)
        try:
            self._create(request)
        except ClientError:
            if not (token and self._known(request)):
                raise
        return {"jobArn": self._arns.job(job), "jobName": body["jobName"], "jobId": job}

    def _create(self, request: _Request) -> None:
        queue = self._queue(request.body)
        definition = self._definition(request.body)
        resolved = resolve(request.body, definition)
        self._check_queue_holds(queue, resolved)
        self._check_dependencies(request.job, resolved)
        state = self._state(request, queue, definition, resolved)
        spec = self._spec(request, queue, definition, resolved)
        self._write(request, state, spec)

    # ── checks ────────────────────────────────────────────────────────────────────────────────

    def _queue(self, body: Mapping[str, Any]) -> Queue:
        queue = self._catalog.queue(body["jobQueue"])
        if not queue.enabled:
            raise ResourceInUse(f"Job queue {queue.name} is DISABLED: it takes no new jobs.")
        rules_policy.check_share(body.get("shareIdentifier"), queue)
        return queue

    def _definition(self, body: Mapping[str, Any]) -> Definition:
        definition = self._catalog.definition(body["jobDefinition"])
        if not definition.active:
            raise ResourceInUse(
                f"Job definition {definition.name}:{definition.revision} is INACTIVE: "
                "it was deregistered."
            )
        return definition

    def _check_queue_holds(self, queue: Queue, resolved: Resolved) -> None:
        """Refuse what no environment of the queue could ever run."""
        misfit = infeasible(resolved.shape, self._environments(queue))
        if misfit:
            raise ClientError(f"No compute environment of queue {queue.name} holds it: {misfit}.")

    def _environments(self, queue: Queue) -> list[Environment]:
        found = []
        for name in queue.environments:
            try:
                found.append(self._catalog.environment(name))
            except UnknownResource:
                continue
        return found

    def _check_dependencies(self, job: str, resolved: Resolved) -> None:
        asked = of_others(resolved.depends_on)
        keys = {state_key(family(dependency["jobId"])[0]): None for dependency in asked}
        if state_key(job) in keys:
            raise ClientError(f"dependsOn names {job}: a job can not wait for itself.")
        found = self._jobs.get_many(list(keys))
        for dependency in asked:
            named = dependency["jobId"]
            array, index = family(named)
            size = found.get(state_key(array), {}).get("size", 0)
            if state_key(array) not in found or (index is not None and index >= size):
                raise UnknownResource(f"dependsOn names {named}: there is no such job.")
            if dependency.get("type") and size != resolved.size:
                raise ClientError(_other_size(named, size, resolved.size))

    # ── what is written ───────────────────────────────────────────────────────────────────────

    def _state(
        self, request: _Request, queue: Queue, definition: Definition, resolved: Resolved
    ) -> JobState:
        """A plain job is RUNNABLE with its first ticket owed; one that waits, SUBMITTED."""
        now = self._clock.now()
        others = of_others(resolved.depends_on)
        waits = bool(others)
        each = any(dependency.get("type") for dependency in resolved.depends_on)
        return JobState(
            id=request.job,
            name=request.body["jobName"],
            queue=queue.name,
            definition=f"{definition.name}:{definition.revision}",
            status=Status.SUBMITTED if waits else Status.RUNNABLE,
            created=now,
            shape=resolved.shape.key,
            attempts=resolved.retry.get("attempts", 1),
            timeout=resolved.timeout,
            share=request.body.get("shareIdentifier", ""),
            priority=(resolved.priority or 0) if queue.policy else 0,
            size=resolved.size,
            parallel=resolved.parallel,
            next=resolved.size if each else 0,
            each=each,
            sequential=len(others) < len(resolved.depends_on),
            pages=pages_for(len(others)),
            ticket=0 if waits else 1,
            due_shard=due_shard(request.job),
            due_at=now + OWED_WITHIN,
        )

    def _spec(
        self, request: _Request, queue: Queue, definition: Definition, resolved: Resolved
    ) -> JobSpec:
        task_definition, overrides = self._staged(definition, resolved)
        return JobSpec(
            job=request.job,
            digest=request.digest,
            caller=request.caller,
            queue=queue.name,
            definition=self._arns.definition(definition.name, definition.revision),
            task_definition=task_definition,
            container=resolved.container,
            platform=resolved.shape.platform,
            overrides=overrides,
            parameters=resolved.parameters,
            retry=resolved.retry,
            timeout=resolved.timeout,
            depends_on=resolved.depends_on,
            tags=resolved.tags,
            propagate_tags=resolved.propagate_tags,
            task_tags=resolved.task_tags,
            extensions=resolved.extensions,
            priority=resolved.priority,
        )

    def _staged(self, definition: Definition, resolved: Resolved) -> tuple[str, Mapping[str, Any]]:
        """The task definition, and what to override of it; overrides that RunTask would not take
        become a task definition of their own, by content."""
        if fits_overrides(resolved.overrides, resolved.shape):
            return definition.task_definition, resolved.overrides
        size = len(json.dumps(resolved.container, ensure_ascii=False).encode())
        if size > LARGEST_DEFINITION:
            raise ClientError(
                f"The job's command and environment make its container {size:,} bytes: "
                f"at most {LARGEST_DEFINITION:,} are allowed."
            )
        staged = self._task_definitions.for_container(definition.name, resolved.container)
        return staged, {}

    def _write(self, request: _Request, state: JobState, spec: JobSpec) -> None:
        writes = [Put(item_of(state), (Absent("pk"),)), self._specs.birth(spec)]
        for _ in range(_TRIES):
            try:
                self._jobs.transact(writes)
            except TransactionRefused as refused:
                if refused.failed and self._known(request):
                    return
                continue
            return
        raise TooManyRequests(f"Job {request.job} is being submitted by another call: try again.")

    def _known(self, request: _Request) -> bool:
        """Whether this very request made this job before. Raises TokenReused when another did."""
        item = self._jobs.get(spec_key(request.job))
        if item is None:
            return False
        if item["digest"] != request.digest:
            raise TokenReused(
                "The client token was used before with another request, "
                f"which made job {request.job}: use a new token."
            )
        return True


def _other_size(named: str, size: int, mine: int) -> str:
    what = f"an array of {size:,}" if size else "no array"
    return (
        f"dependsOn names {named} N_TO_N, which is {what}: it must have this job's size, {mine:,}."
    )
