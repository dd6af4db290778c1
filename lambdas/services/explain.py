"""Explain: why a job waits, read and judged at this moment (a call of Batchyard's own)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.core.catalog import Arns, Environment
from lambdas.core.errors import UnknownResource, shown
from lambdas.core.explanation import Awaited, Facts, Fit, Place, explain
from lambdas.core.job import JobState, Status, attempt_key, family, spec_key, state_key, state_of
from lambdas.core.ports import Clock, Table
from lambdas.core.resolve import is_job_id
from lambdas.services.catalog_store import CatalogStore
from lambdas.services.children import Children
from lambdas.services.lines import Lines
from lambdas.services.rooms import rooms_of
from lambdas.services.specs import Specs

#: Dependencies whose state is read for one answer, and open ones that it names.
_MOST_LOOKED_AT = 1000
_MOST_NAMED = 100

Body = Mapping[str, Any]


class ExplainService:
    """Gathers the facts of one job and tells the reason."""

    def __init__(
        self,
        *,
        jobs: Table,
        ledgers: Table,
        catalog: CatalogStore,
        specs: Specs,
        clock: Clock,
        arns: Arns,
    ) -> None:
        self._jobs = jobs
        self._ledgers = ledgers
        self._catalog = catalog
        self._specs = specs
        self._clock = clock
        self._arns = arns
        self._children = Children(jobs)
        self._lines = Lines(jobs, ledgers)

    def explain(self, body: Body) -> dict[str, Any]:
        """The answer to {"jobId": id or ARN}. A child whose turn is to come waits with its array.
        Raises UnknownResource."""
        asked, waits = self._found(body["jobId"])
        facts = self._facts(waits)
        reason = explain(facts)
        answer: dict[str, Any] = {
            "jobArn": self._arns.job(asked.id),
            "jobId": asked.id,
            "jobName": asked.name,
            "jobQueue": self._arns.queue(asked.queue),
            "status": asked.shown.value,
            "cause": str(reason.cause),
            "reason": reason.sentence,
            "environments": [self._told(fit) for fit in reason.fits],
            "dependencies": [
                {"jobId": awaited.job, "status": awaited.status.value}
                for awaited in facts.awaited[:_MOST_NAMED]
            ],
        }
        if reason.until is not None:
            answer["until"] = reason.until
        if waits.parked is not None:
            answer["parkedAt"] = waits.parked
        answer["failures"] = self._failures(asked)
        return answer | _told_place(_before(facts.place, asked, waits))

    def _told(self, fit: Fit) -> dict[str, Any]:
        told = {
            "computeEnvironment": self._arns.environment(fit.environment),
            "enabled": fit.enabled,
            "takenVcpus": fit.taken / 1000,
            "maxvCpus": fit.maximum / 1000,
            "reason": fit.told,
        }
        return told if fit.needs is None else {**told, "neededVcpus": fit.needs / 1000}

    def _failures(self, state: JobState) -> list[dict[str, Any]]:
        """Every attempt that failed: whose fault it was (`conclude.Failure`), and why."""
        keys = {number: attempt_key(state.id, number) for number in range(1, state.attempt + 1)}
        found = self._jobs.get_many(list(keys.values()))
        told = {number: found.get(key, {}) for number, key in keys.items()}
        if state.status.ended and state.run:  # the latest stands on STATE
            told[state.attempt] = {"failure": state.failure, "status_reason": state.status_reason}
        return [
            {
                "attempt": number,
                "failureClass": attempt["failure"],
                "statusReason": attempt.get("status_reason", ""),
            }
            for number, attempt in told.items()
            if attempt.get("failure")
        ]

    # ── facts ─────────────────────────────────────────────────────────────────────────────────

    def _found(self, asked: str) -> tuple[JobState, JobState]:
        """The job, and what waits for it: itself, or the array of a child that has no item."""
        job = asked.removeprefix(self._arns.job(""))
        state = self._children.states([job]).get(job) if is_job_id(job) else None
        if state is None:
            raise UnknownResource(f"Job {shown(asked)} does not exist.")
        array, index = family(job)
        if index is None or state.attempt or state.status.ended:
            return state, state
        parent = self._jobs.get(state_key(array))
        whole = state_of(parent) if parent else state
        return state, whole if index >= whole.next else state

    def _facts(self, state: JobState) -> Facts:
        now = self._clock.now()
        if state.status in (Status.SUBMITTED, Status.PENDING):
            wanted = self._wanted(state.id)
            return Facts(state, now, dependencies=len(wanted), awaited=self._awaited(wanted))
        if not state.placeable:
            return Facts(state, now)
        environments = self._environments(state.queue)
        rooms = rooms_of(self._ledgers, environments)
        return Facts(state, now, environments, rooms, self._lines.place(state))

    def _wanted(self, job: str) -> list[str]:
        item = self._jobs.get(spec_key(job))
        depends_on = self._specs.read(item).depends_on if item else ()
        return [wanted for d in depends_on if (wanted := d.get("jobId"))]

    def _awaited(self, wanted: Sequence[str]) -> list[Awaited]:
        """Those that have not ended, of the first that were asked for."""
        found = self._jobs.get_many([state_key(job) for job in wanted[:_MOST_LOOKED_AT]])
        states = [state_of(item) for item in found.values()]
        return [Awaited(s.id, s.shown) for s in states if not s.status.ended]

    def _environments(self, queue: str) -> list[Environment]:
        """Those of the queue in its order, left out what was deleted meanwhile."""
        found = []
        try:
            for name in self._catalog.queue(queue).environments:
                found.append(self._catalog.environment(name))
        except UnknownResource:
            return found
        return found


def _before(place: Place | None, asked: JobState, waits: JobState) -> Place | None:
    """A child's place: behind its array's, and behind its elder siblings."""
    index = family(asked.id)[1]
    if place is None or asked is waits or index is None:
        return place
    return Place(place.ahead + index - waits.next, place.exact)


def _told_place(place: Place | None) -> dict[str, Any]:
    if place is None:
        return {}
    return {"jobsAhead": place.ahead, "jobsAheadExact": place.exact}
