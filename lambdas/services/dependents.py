"""Dependencies as services see them: expanding a job's, and resolving those who wait for it.

Whoever comes second sees both: a new edge makes `relay` read the dependency strongly
(`recheck`), and a dependency's end makes it query the edges strongly (`resolve_all`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from lambdas.core import transitions
from lambdas.core.dependencies import (
    EACH,
    EachEdge,
    Edge,
    Wanted,
    close_page,
    fanned_out,
    of_others,
    page_of,
    resolve,
    write_page,
)
from lambdas.core.errors import ConditionFailed, Throttled, TransactionRefused
from lambdas.core.job import (
    EDGE_SHARDS,
    JobState,
    Status,
    child_id,
    edge_partition,
    edge_prefix,
    family,
    job_of,
    state_key,
    state_of,
)
from lambdas.core.outbox import DEPENDENT_JOB_FAILED
from lambdas.core.ports import Clock, Journal, Table
from lambdas.core.spec import JobSpec
from lambdas.core.tables import Change, Delete, Item, Key, Query, Write
from lambdas.services.by_index import ByIndex
from lambdas.services.children import Children
from lambdas.services.specs import Specs

#: Edges resolved in one go; the item then changes and the stream calls again.
FAN_OUT = 50


class Dependents:
    """Both sides of every edge, over the jobs table."""

    def __init__(
        self,
        jobs: Table,
        specs: Specs,
        by_index: ByIndex,
        clock: Clock,
        journal: Journal,
        retention_days: int,
    ) -> None:
        self._jobs = jobs
        self._specs = specs
        self._clock = clock
        self._journal = journal
        self._retention_days = retention_days
        self._by_index = by_index
        self._children = Children(jobs)

    # ── the dependent's side ──────────────────────────────────────────────────────────────────

    def expand(self, job: str, page: int) -> None:
        """Write one page of a job's dependencies, unless another already did."""
        state = self._state(job)
        if state is None or state.status is not Status.SUBMITTED or state.expanded != page:
            return
        spec = self._specs.load(job)
        wanted = _wanted(spec)
        waiting_for, each = [], []
        for asked in page_of(of_others(spec.depends_on), page):
            dependency, by_index = asked["jobId"], bool(asked.get("type"))
            met = self._mark(dependency, wanted, by_index)
            if by_index:
                each += [dependency] if met is None else []
            elif met is None:
                waiting_for.append(dependency)
            elif not met:
                self._doom(state, dependency)
        self._transact(write_page(state, waiting_for, wanted, each))

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
        self._resolve_ended([edge])

    def recheck_each(self, edge: EachEdge) -> None:
        """The array may have ended before this edge stood: nobody would take it away."""
        array = self._state(edge.dependency)
        if array is None or array.status.ended:
            self._told(edge)

    def recheck_all(self, state: JobState) -> None:
        """An overdue job: look at all it waits for again (a resolution may have been lost). A page
        that is closed waits for nothing."""
        spec = self._specs.load(state.id)
        wanted, depends_on = _wanted(spec), of_others(spec.depends_on)
        waiting = self._open_pages(state)
        for number in waiting:
            asked = page_of(depends_on, number)
            edges = [Edge(d["jobId"], state.id, number, wanted) for d in asked if not d.get("type")]
            self._resolve_ended(edges)
        if waiting:
            self._open_pages(state)  # those that wait for nothing by now are counted

    def page_changed(self, change: Change) -> None:
        """A page that reached zero counts its job, once."""
        page = change.new or {}
        if page.get("open") == 0 and not page.get("closed"):
            self._transact(close_page(change.key, job_of(change.key)))

    # ── the dependency's side ─────────────────────────────────────────────────────────────────

    def resolve_all(self, job: str, succeeded: bool, settles: bool) -> None:
        """Resolve up to `FAN_OUT` edges of an ended job; if there are more, change it, to be
        called again by the stream. With the last its debt is paid, if it `settles`."""
        edges, each = self._edges(job), self._each_edges(job, FAN_OUT)
        own = Status.SUCCEEDED if succeeded else Status.FAILED
        for edge in edges:
            if edge.dependency == job:
                self._resolve(edge, own)
        self._resolve_ended(edge for edge in edges if edge.dependency != job)
        for between in each:
            self._told(between)
        told = len(edges) + len(each)
        if told >= FAN_OUT:
            self._jobs.write(fanned_out(job, told))
        elif settles:
            with suppress(ConditionFailed):  # settled before
                self._jobs.write(transitions.resolved_all(job, succeeded))

    def children_ended(self, array: str, indices: Sequence[int]) -> None:
        """Tell those that wait for single children of an array; none do of most arrays."""
        state = self._state(array)
        if state is None:
            return
        if state.sequential:
            self._by_index.begin(array, [index + 1 for index in indices])
        if not state.watched:
            return
        for index in indices:
            self._resolve_child(child_id(array, index))
        for between in self._each_edges(array):
            self._by_index.begin(between.dependent, indices)

    def _told(self, edge: EachEdge) -> None:
        """The dependency has ended, all its children with it: the dependent looks for itself."""
        self._by_index.look_again(edge.dependent)
        self._jobs.write(Delete(edge.key))

    def _resolve_child(self, child: str) -> None:
        edges = self._edges(child)
        self._resolve_ended(edges)
        if len(edges) == FAN_OUT:
            self._jobs.write(fanned_out(child, len(edges)))

    def _edges(self, job: str) -> list[Edge]:
        """Up to `FAN_OUT` of those who wait for a job and its children, or for one child."""
        array = family(job)[0]
        return [Edge.of(item) for item in self._found(array, edge_prefix(job), FAN_OUT)]

    def _each_edges(self, array: str, most: int | None = None) -> list[EachEdge]:
        found = self._found(array, EACH, most)
        return [EachEdge.of(item) for item in found]

    def _found(self, job: str, begins: str, most: int | None) -> list[Item]:
        found: list[Item] = []
        for shard in range(EDGE_SHARDS):
            room = None if most is None else most - len(found)
            if room != 0:
                query = Query(edge_partition(job, shard), begins=begins, limit=room)
                found += self._all(query)
        return found

    def _resolve_ended(self, edges: Iterable[Edge]) -> None:
        """Resolve those of these edges whose dependency has ended, or is gone."""
        asked = list(edges)
        found = self._children.states(edge.dependency for edge in asked)
        for edge in asked:
            state = found.get(edge.dependency)
            if state is None or state.status.ended:
                self._resolve(edge, state.status if state else None)

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

    def _mark(self, dependency: str, wanted: Wanted, by_index: bool) -> bool | None:
        """Say on the dependency that somebody waits for it; whether it ended as wanted, or None
        while it has not ended."""
        job, index = family(dependency)
        try:
            self._jobs.write(transitions.depended_on(job, by_index or index is not None))
        except ConditionFailed as refused:
            if index is None:
                return wanted.met_by(Status(refused.item["status"]) if refused.item else None)
        if index is None:
            return None
        child = self._children.states([dependency]).get(dependency)
        ended = child is None or child.status.ended
        return wanted.met_by(child.status if child else None) if ended else None

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _open_pages(self, state: JobState) -> list[int]:
        """The pages that wait for something; one whose record was lost between its last edge and
        its job is counted."""
        query, numbers = Query(state_key(state.id).pk, begins="PAGE#"), []
        for item in self._all(query):
            if item["open"]:
                numbers.append(int(item["sk"].removeprefix("PAGE#")))
            elif not item.get("closed"):
                self.page_changed(Change(Key(item["pk"], item["sk"]), None, item))
        return numbers

    def _all(self, query: Query) -> Iterator[Item]:
        """What a query finds, however many pages it has; or its limit."""
        while True:
            page = self._jobs.query(query)
            yield from page.items
            if page.after is None or query.limit is not None:
                return
            query = replace(query, after=page.after)

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
