"""The outbox's relay: carries out what a change of the jobs table owes.

Fed by the table's stream (`on_changes`), by the effects queue and by `reconcile` (`pay`). Every
effect is idempotent, and none holds up the stream: what fails now is handed to the effects queue
and tried again from the job's state as it then stands.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence

from lambdas.core import outbox, transitions
from lambdas.core.dependencies import EACH, EachEdge, Edge
from lambdas.core.job import JobState, child_id, job_of, state_key, state_of
from lambdas.core.ports import Inboxes, Journal, Table, Tasks, Waits
from lambdas.core.tables import Change
from lambdas.services.arrays import Arrays
from lambdas.services.bell import BellService
from lambdas.services.by_index import ByIndex
from lambdas.services.catalog_store import CatalogStore
from lambdas.services.dependents import Dependents
from lambdas.services.retention import forget

#: Seconds before a failed effect is tried again.
RETRY_DELAY = 5

#: What a record of the stream calls for: a job's effect, a new edge, or the item that changed.
_Owed = outbox.Effect | EachEdge | Edge | Change

#: Effects that are the same for any number of changes in one batch.
_Shared = outbox.RingBell | outbox.CloseArray

#: The owed are paid in as many rounds at most; what is owed after that waits for `reconcile`.
_ROUNDS = 8


class Relay:
    """Carries out effects; `effects_queue` is where those go that could not be."""

    def __init__(
        self,
        *,
        jobs: Table,
        catalog: CatalogStore,
        dependents: Dependents,
        arrays: Arrays,
        by_index: ByIndex,
        bell: BellService,
        inboxes: Inboxes,
        waits: Waits,
        tasks: Tasks,
        journal: Journal,
        effects_queue: str,
        retention_days: int,
    ) -> None:
        self._jobs = jobs
        self._catalog = catalog
        self._dependents = dependents
        self._arrays = arrays
        self._by_index = by_index
        self._bell = bell
        self._inboxes = inboxes
        self._waits = waits
        self._tasks = tasks
        self._journal = journal
        self._effects_queue = effects_queue
        self._retention_days = retention_days

    def on_changes(self, changes: Sequence[Change]) -> None:
        """Carry out everything a batch of stream records newly owes; tickets go out together, and
        what many ends ask for alike (a bell, the end of their array) is done once, after them."""
        tickets: list[outbox.SendTicket] = []
        once: dict[_Shared, Change] = {}
        ended: dict[str, list[outbox.ChildEnded]] = defaultdict(list)
        for change in changes:
            for effect in self._read(change):
                if isinstance(effect, outbox.SendTicket):
                    tickets.append(effect)
                elif isinstance(effect, outbox.ChildEnded):
                    ended[effect.array].append(effect)
                elif isinstance(effect, _Shared):
                    once[effect] = change
                else:
                    self._attempt(change, effect)
        self._send_or_hand_over(tickets)
        for array, children in ended.items():
            self._tell_or_hand_over(array, [child.index for child in children])
        for shared, change in once.items():
            self._attempt(change, shared)

    def pay(self, job: str, size: int = 0) -> JobState | None:
        """Carry out everything a job owes now, read strongly; returns the state that owes no more,
        None when it owes still, or is gone: what is left of it goes then (`size`: of an array).

        `launch` pays `Launch`; errors of effects are raised.
        """
        paid: Sequence[outbox.Effect] = ()
        for _ in range(_ROUNDS):
            item = self._jobs.get(state_key(job))
            if item is None:
                forget(self._jobs, job, size)
                return None
            state = state_of(item)
            owed = outbox.owed(state)
            effects = [effect for effect in owed if not isinstance(effect, outbox.Launch)]
            if effects == paid:
                return state  # nothing more came of it
            for effect in effects:
                self._carry_out(effect)
            paid = effects
        return None  # there is more to pay

    # ── the stream ────────────────────────────────────────────────────────────────────────────

    def _read(self, change: Change) -> Iterable[_Owed]:
        """What a record owes; one that cannot be read is put aside: no other waits behind it."""
        try:
            return self._effects(change)
        except (KeyError, TypeError, ValueError) as error:
            self._journal.warn("record put aside", item=change.key.pk, error=repr(error))
            self._hand_over([job_of(change.key)])
            return ()

    def _effects(self, change: Change) -> Iterable[_Owed]:
        if change.new is None:
            return (change,) if change.key.sk == "STATE" else ()
        if change.key.sk == "STATE":
            old = state_of(change.old) if change.old else None
            return outbox.newly_owed(old, state_of(change.new))
        if change.key.sk.startswith("EDGE#") and change.old is None:
            return (Edge.of(change.new),)
        if change.key.sk.startswith(EACH) and change.old is None:
            return (EachEdge.of(change.new),)
        if change.key.sk.startswith("PAGE#"):
            return (change,)
        return ()

    def _attempt(self, change: Change, effect: _Owed) -> None:
        """Do it now, or hand the job over to be tried again: a stream is never held up."""
        job = _whose(change, effect)
        try:
            self._carry_out(effect)
        except Exception as error:
            self._journal.warn(
                "effect put off", job=job, effect=type(effect).__name__, error=repr(error)
            )
            gone = change.old if change.new is None else None
            self._hand_over([job], (gone or {}).get("size", 0))

    def _tell_or_hand_over(self, array: str, indices: Sequence[int]) -> None:
        """Children that ended together are looked into together."""
        try:
            self._dependents.children_ended(array, indices)
        except Exception as error:
            self._journal.warn("children put off", array=array, error=repr(error))
            self._hand_over(child_id(array, index) for index in indices)

    def _hand_over(self, jobs: Iterable[str], size: int = 0) -> None:
        """To be tried again from the job's state; of an array that expired only its size is left."""
        known = {"size": size} if size else {}
        bodies = [json.dumps({"job": job, **known}) for job in dict.fromkeys(jobs)]
        self._inboxes.send(self._effects_queue, bodies, RETRY_DELAY)

    # ── tickets ───────────────────────────────────────────────────────────────────────────────

    def _send_or_hand_over(self, tickets: Sequence[outbox.SendTicket]) -> None:
        by_queue: dict[str, list[outbox.SendTicket]] = defaultdict(list)
        for ticket in tickets:
            by_queue[ticket.queue].append(ticket)
        for queue, of_queue in by_queue.items():
            try:
                self._send(queue, of_queue)
            except Exception as error:
                self._journal.warn("tickets put off", queue=queue, error=repr(error))
                self._hand_over(ticket.job for ticket in of_queue)

    def _send(self, queue: str, tickets: Sequence[outbox.SendTicket]) -> None:
        inbox = self._catalog.queue(queue).inbox
        bodies = [json.dumps({"job": t.job, "ticket": t.ticket}) for t in tickets]
        self._inboxes.send(inbox, bodies)
        self._bell.ring_for_queue(queue)

    # ── effects ───────────────────────────────────────────────────────────────────────────────

    def _carry_out(self, effect: _Owed) -> None:
        match effect:
            case outbox.SendTicket():
                self._send(effect.queue, [effect])
            case outbox.RingBell(env):
                self._bell.ring_for_environment(env)
            case outbox.StartWait():
                self._start_wait(effect)
            case outbox.AnswerWait():
                self._answer_wait(effect)
            case outbox.StopTask(_, task, reason):
                self._tasks.stop(task, reason)
            case outbox.ExpandDependencies(job, page):
                self._dependents.expand(job, page)
            case outbox.LeaveSubmitted(job):
                self._dependents.leave_submitted(job)
            case outbox.ResolveDependents():
                self._dependents.resolve_all(effect.job, effect.succeeded, effect.settles)
            case Edge():
                self._dependents.recheck(effect)
            case EachEdge():
                self._dependents.recheck_each(effect)
            case Change(new=None, old=old):
                forget(self._jobs, job_of(effect.key), (old or {}).get("size", 0))
            case Change():
                self._dependents.page_changed(effect)
            case outbox.CloseArray(array):
                self._arrays.close(array)
            case outbox.ChildEnded(array, index):
                self._dependents.children_ended(array, [index])
            case outbox.LookAtChildren(array, looked):
                self._by_index.look(array, looked)
            case outbox.StopChildren(array):
                self._arrays.stop_children(array)
            case outbox.Launch():
                pass  # the `launch` function reads the same stream

    def _start_wait(self, effect: outbox.StartWait) -> None:
        item = self._jobs.get(state_key(effect.job))
        state = state_of(item) if item else None
        if state and state.wait == effect.wait and state.waiting is effect.waiting:
            request = transitions.wait_input(state, self._retention_days)
            self._waits.start(effect.name, request)

    def _answer_wait(self, effect: outbox.AnswerWait) -> None:
        if effect.error is None:
            self._waits.succeed(effect.token)
        else:
            self._waits.fail(effect.token, effect.error, effect.cause)


def _whose(change: Change, effect: _Owed) -> str:
    """The job that owes an effect: what is put off is tried again from its state."""
    match effect:
        case Edge() | EachEdge():
            return effect.dependent
        case outbox.CloseArray(array):
            return array
        case _:
            return job_of(change.key)
