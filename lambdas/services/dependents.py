"""Dependencies as services see them: expanding a job's, and resolving those who wait for it.

Whoever comes second sees both: a new edge makes `relay` read the dependency strongly
(`recheck`), and a dependency's end makes it query the edges strongly (`resolve_all`).
"""

from __future__ import annotations

from contextlib import suppress

from lambdas.core import transitions
from lambdas.core.dependencies import (
    PAGE_SIZE,
    Edge,
    Wanted,
    close_page,
    fanned_out,
    page_of,
    resolve,
    write_page,
)
from lambdas.core.errors import ConditionFailed, Throttled, TransactionRefused
from lambdas.core.job import (
    EDGE_SHARDS,
    JobState,
    Status,
    edge_partition,
    job_of,
    state_key,
    state_of,
)
from lambdas.core.outbox import DEPENDENT_JOB_FAILED
from lambdas.core.ports import Clock, Journal, Table
from lambdas.core.spec import JobSpec
from lambdas.core.tables import Change, Delete, Key, Query, Write
from lambdas.services.specs import Specs

#: Edges resolved in one go; the item then changes and the stream calls again.
FAN_OUT = 50

#: Dependencies looked at again in one go when a waiting job is overdue.
_RECHECK = 500


class Dependents:
    """Both sides of every edge, over the jobs table."""

    def __init__(
        self, jobs: Table, specs: Specs, clock: Clock, journal: Journal, retention_days: int
    ) -> None:
        self._jobs = jobs
        self._specs = specs
        self._clock = clock
        self._journal = journal
        self._retention_days = retention_days

    # ── the dependent's side ──────────────────────────────────────────────────────────────────

    def expand(self, job: str, page: int) -> None:
        """Write one page of a job's dependencies, unless another already did."""
        state = self._state(job)
        if state is None or state.status is not Status.SUBMITTED or state.expanded != page:
            return
        spec = self._specs.load(job)
        wanted = _wanted(spec)
        waiting_for = []
        for dependency in page_of([d["jobId"] for d in spec.depends_on], page):
            met = self._mark(dependency, wanted)
            if met is None:
                waiting_for.append(dependency)
            elif not met:
                self._doom(state, dependency)
        self._transact(write_page(state, waiting_for, wanted))

    def leave_submitted(self, job: str) -> None:
        """Every page stands: fail, wait, or go straight on when nothing is left to wait for."""
        state = self._state(job)
        if state is None or state.status is not Status.SUBMITTED or state.expanded < state.pages:
            return
        if state.doomed:
            now = self._clock.now()
            expires = now // 1000 + self._retention_days * 86_400
            write = transitions.withdraw(state, "dependency", DEPENDENT_JOB_FAILED, now, expires)
        elif state.ready:
            write = transitions.release_unwaited(state)
        else:
            write = transitions.enter_wait(state)
        self._jobs.write(write)

    def recheck(self, edge: Edge) -> None:
        """The dependency may have ended before this edge stood."""
        dependency = self._state(edge.dependency)
        if dependency is None or dependency.status.ended:
            self._resolve(edge, dependency.status if dependency else None)

    def recheck_all(self, state: JobState) -> None:
        """An overdue job: look at all it waits for again (a resolution may have been lost)."""
        spec = self._specs.load(state.id)
        dependencies = [d["jobId"] for d in spec.depends_on][:_RECHECK]
        keys = [state_key(dependency) for dependency in dependencies]
        found = self._jobs.get_many(keys)
        for number, key in enumerate(keys):
            item = found.get(key)
            if item is None or Status(item["status"]).ended:
                page = number // PAGE_SIZE
                edge = Edge(dependencies[number], state.id, page, _wanted(spec))
                self._resolve(edge, Status(item["status"]) if item else None)
        self._recheck_pages(state)

    def page_changed(self, change: Change) -> None:
        """A page that reached zero counts its job, once."""
        page = change.new or {}
        if page.get("open") == 0 and not page.get("closed"):
            self._transact(close_page(change.key, job_of(change.key)))

    # ── the dependency's side ─────────────────────────────────────────────────────────────────

    def resolve_all(self, job: str, succeeded: bool, settles: bool) -> None:
        """Resolve up to `FAN_OUT` edges of an ended job; if there are more, change it, to be
        called again by the stream. With the last its debt is paid, if it `settles`."""
        edges = self._edges(job)
        for edge in edges:
            self._resolve(edge, Status.SUCCEEDED if succeeded else Status.FAILED)
        if len(edges) == FAN_OUT:
            self._jobs.write(fanned_out(job, len(edges)))
        elif settles:
            with suppress(ConditionFailed):  # settled before
                self._jobs.write(transitions.resolved_all(job, succeeded))

    def _edges(self, job: str) -> list[Edge]:
        edges: list[Edge] = []
        for shard in range(EDGE_SHARDS):
            room = FAN_OUT - len(edges)
            if room:
                page = self._jobs.query(Query(edge_partition(job, shard), limit=room))
                edges += [Edge.of(item) for item in page.items]
        return edges

    def _resolve(self, edge: Edge, ended: Status | None) -> None:
        if not edge.wanted.met_by(ended):
            dependent = self._state(edge.dependent)
            if dependent:
                self._doom(dependent, edge.dependency)
        try:
            self._jobs.transact(resolve(edge))
        except TransactionRefused as refused:
            if refused.conflicted:
                raise Throttled("an edge met another write in flight") from refused
            if 0 not in refused.failed:  # the dependent is long gone, and its pages with it
                self._jobs.write(Delete(edge.key))

    def _doom(self, state: JobState, dependency: str) -> None:
        try:
            self._jobs.write(transitions.doom(state, dependency))
        except ConditionFailed:
            self._journal.note("dependent not doomed", job=state.id, dependency=dependency)

    def _mark(self, dependency: str, wanted: Wanted) -> bool | None:
        """Say on the dependency that somebody waits for it; whether it ended as wanted, or None
        while it has not ended."""
        try:
            self._jobs.write(transitions.depended_on(dependency))
        except ConditionFailed as refused:
            return wanted.met_by(Status(refused.item["status"]) if refused.item else None)
        return None

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _recheck_pages(self, state: JobState) -> None:
        """Count pages whose record was lost between their last edge and their job."""
        partition = state_key(state.id).pk
        after: str | None = None
        while True:
            page = self._jobs.query(Query(partition, begins="PAGE#", after=after))
            for item in page.items:
                if item["open"] == 0 and not item.get("closed"):
                    self.page_changed(Change(Key(item["pk"], item["sk"]), None, item))
            after = page.after
            if after is None:
                return

    def _state(self, job: str) -> JobState | None:
        item = self._jobs.get(state_key(job))
        return state_of(item) if item else None

    def _transact(self, writes: list[Write]) -> None:
        """Carry out a step that another may have taken already."""
        try:
            self._jobs.transact(writes)
        except TransactionRefused as refused:
            if refused.conflicted and not refused.failed:
                raise Throttled("a dependency's step met another in flight") from refused


def _wanted(spec: JobSpec) -> Wanted:
    return Wanted(spec.extensions.get("depends-on", Wanted.SUCCEEDED))
