"""HoldJob, ReleaseJob, MoveJob and PrioritizeJob: calls of our own about a job that waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lambdas.core import queueing, rules
from lambdas.core.catalog import Arns, Environment, Queue
from lambdas.core.errors import (
    ClientError,
    ConditionFailed,
    ResourceInUse,
    TooManyRequests,
    UnknownResource,
    shown,
)
from lambdas.core.fitting import infeasible
from lambdas.core.job import JobState, state_key, state_of
from lambdas.core.ports import Clock, Journal, Table
from lambdas.core.resolve import is_job_id
from lambdas.core.shape import Shape
from lambdas.core.tables import Update
from lambdas.services.catalog_store import CatalogStore

#: How often a change that another function was faster with is tried again.
_TRIES = 5

Body = Mapping[str, Any]


class QueueingService:
    """Changes the place of waiting jobs; each call may be repeated."""

    def __init__(
        self, *, jobs: Table, catalog: CatalogStore, clock: Clock, journal: Journal, arns: Arns
    ) -> None:
        self._jobs = jobs
        self._catalog = catalog
        self._clock = clock
        self._journal = journal
        self._arns = arns

    def hold(self, body: Body, caller: str) -> dict[str, Any]:
        """No attempt begins until the job is released. Raises ResourceInUse when it waits no more."""

        def held(state: JobState, now: int) -> Update | None:
            _check_waits(state, "held")
            return None if state.held is not None else queueing.hold(state, now)

        return self._change(body, caller, "hold", held)

    def release(self, body: Body, caller: str) -> dict[str, Any]:
        """The job waits like any other again; one that is not held is left alone."""

        def released(state: JobState, now: int) -> Update | None:
            if state.held is None or not queueing.can_wait(state):
                return None
            return queueing.release(state, now)

        return self._change(body, caller, "release", released)

    def prioritize(self, body: Body, caller: str) -> dict[str, Any]:
        """Another `schedulingPriority`, 0 to 9999: the higher goes first, also in a queue without a
        fair-share policy. Raises ResourceInUse when it waits no more."""
        priority = body["schedulingPriority"]
        rules.job_priority("schedulingPriority", priority)

        def prioritized(state: JobState, now: int) -> Update | None:
            _check_waits(state, "given another priority")
            same = state.priority == priority
            return None if same else queueing.prioritize(state, priority, now)

        return self._change(body, caller, "prioritize", prioritized)

    def move(self, body: Body, caller: str) -> dict[str, Any]:
        """Into another queue, as if submitted there at its first time. Raises ClientError when that
        queue would not take it, ResourceInUse when it can not move now."""
        queue = self._catalog.queue(body["jobQueue"])

        def moved(state: JobState, now: int) -> Update | None:
            if state.queue == queue.name:
                return None
            if not queueing.can_move(state):
                raise ResourceInUse(
                    f"Job {state.id} can not move: a RUNNABLE job can, or an array "
                    "of which no child has had its turn."
                )
            self._check_takes(queue, state)
            return queueing.move(state, queue.name, now)

        return self._change(body, caller, "move", moved)

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _change(
        self,
        body: Body,
        caller: str,
        kind: str,
        change: Callable[[JobState, int], Update | None],
    ) -> dict[str, Any]:
        for _ in range(_TRIES):
            state = self._state(body["jobId"])
            write = change(state, self._clock.now())
            if write is None:
                return {}
            try:
                self._jobs.write(write)
            except ConditionFailed:
                continue
            self._journal.note("waiting job changed", job=state.id, kind=kind, caller=caller)
            return {}
        raise TooManyRequests("The job is changing faster than this can be done: try again.")

    def _state(self, asked: str) -> JobState:
        job = asked.removeprefix(self._arns.job(""))
        item = self._jobs.get(state_key(job)) if is_job_id(job) else None
        if item is None:
            raise UnknownResource(
                f"Job {shown(asked)} does not exist, or is a child whose turn is to come."
            )
        return state_of(item)

    def _check_takes(self, queue: Queue, state: JobState) -> None:
        if not queue.enabled:
            raise ResourceInUse(f"Job queue {queue.name} is DISABLED: it takes no new jobs.")
        if bool(state.share) != bool(queue.policy):
            needs = "has no scheduling policy" if state.share else "needs a shareIdentifier"
            raise ClientError(f"Job {state.id} can not move: job queue {queue.name} {needs}.")
        misfit = infeasible(Shape.parse(state.shape), self._environments(queue))
        if misfit:
            raise ClientError(f"No compute environment of queue {queue.name} holds it: {misfit}.")

    def _environments(self, queue: Queue) -> list[Environment]:
        known = self._catalog.snapshot().environments
        return [known[name] for name in queue.environments if name in known]


def _check_waits(state: JobState, done: str) -> None:
    if not queueing.can_wait(state):
        raise ResourceInUse(
            f"Job {state.id} is {state.shown.value}: it can not be {done} any more."
        )
