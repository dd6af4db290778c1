"""Claiming: placed jobs and the capacity they take, in one transaction.

A job that cannot be claimed any more (cancelled, claimed by another tick) is dropped and the rest
tried again; capacity that is gone after all refuses every job of its environment. Children are
put by the claim that moves their array on; one that was cancelled before its turn is skipped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lambdas.core import arrays, capacity, shares, transitions
from lambdas.core.errors import TransactionRefused
from lambdas.core.job import JobState, family
from lambdas.core.ports import Clock, Ids, Journal, Tables
from lambdas.core.scheduling import Code, Hold, Placement, Room
from lambdas.core.spec import JobSpec
from lambdas.core.tables import CAPACITY, JOBS, TableSchema, Write
from lambdas.core.task_request import Network, run_task_request
from lambdas.services.specs import Specs

#: Jobs claimed in one transaction: two writes each, and one for each environment and array.
BATCH = 25
#: The same where jobs have shares: one write more for each share.
SHARED_BATCH = 20

#: How often a transaction that met others in flight is tried.
_TRIES = 4


Writes = tuple[tuple[TableSchema, Write], ...]
Claim = tuple[Placement, Writes]


@dataclass(frozen=True, slots=True)
class Claimed:
    """The ids of jobs that start, holds for those whose capacity was gone, and for those that can
    not be asked of ECS at all: they must not keep the others of their cell from starting."""

    claimed: tuple[str, ...]
    refused: tuple[Hold, ...]
    broken: tuple[Hold, ...] = ()


@dataclass(slots=True)
class _Turn:
    """The children of one array that have their turn in this transaction: from `first` to before
    `end`, but for those `skipped`."""

    array: JobState
    first: int
    end: int
    skipped: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Batch:
    """What is left of a transaction as it is tried again."""

    claims: list[Claim]
    turns: dict[str, _Turn]

    @classmethod
    def of(cls, claims: list[Claim]) -> _Batch:
        turns: dict[str, _Turn] = {}
        for placement, _ in claims:
            if placement.array is not None:
                array, index = family(placement.job.id)
                turn = turns.setdefault(array, _Turn(placement.array, index or 0, 0))
                turn.end = (index or 0) + 1
        return cls(claims, turns)

    def drop(self, arrays_: set[str], envs: set[str]) -> list[Claim]:
        """Take out all that goes with these arrays and environments; what was taken out.

        An array's children have their turn in order, without a gap: one that goes takes the
        others with it.
        """
        gone = arrays_ | {
            p.array.id for p, _ in self.claims if p.array is not None and p.env.name in envs
        }
        goes = [p.candidate.id in gone or p.env.name in envs for p, _ in self.claims]
        out = [claim for claim, it_goes in zip(self.claims, goes, strict=True) if it_goes]
        self.claims = [
            claim for claim, it_goes in zip(self.claims, goes, strict=True) if not it_goes
        ]
        self.turns = {array: turn for array, turn in self.turns.items() if array not in gone}
        return out

    def void(self, places: set[int]) -> None:
        """Take out claims that came too late; a child's turn is over all the same."""
        for place in places:
            placement = self.claims[place][0]
            if placement.array is not None:
                self.turns[placement.array.id].skipped.append(family(placement.job.id)[1] or 0)
        self.claims = [claim for at, claim in enumerate(self.claims) if at not in places]


class Claims:
    def __init__(
        self,
        *,
        tables: Tables,
        specs: Specs,
        ids: Ids,
        clock: Clock,
        journal: Journal,
        cluster: str,
        network: Network,
    ) -> None:
        self._tables = tables
        self._specs = specs
        self._ids = ids
        self._clock = clock
        self._journal = journal
        self._cluster = cluster
        self._network = network

    def claim(self, placements: Sequence[Placement], rooms: Mapping[str, Room]) -> Claimed:
        """Claim what was placed, in the plan's order."""
        claimed: list[str] = []
        refused: list[Hold] = []
        broken: list[Hold] = []
        size = SHARED_BATCH if any(p.job.share for p in placements) else BATCH
        for first in range(0, len(placements), size):
            batch = placements[first : first + size]
            specs = self._specs.load_many([p.candidate.id for p in batch])
            pairs = [(placement, self._writes(placement, specs)) for placement in batch]
            done, held = self._claim_batch(_Batch.of([pair for pair in pairs if pair[1]]), rooms)
            claimed += done
            refused += held
            broken += [_broken(placement) for placement, writes in pairs if not writes]
        return Claimed(tuple(claimed), tuple(refused), tuple(broken))

    def _claim_batch(
        self, batch: _Batch, rooms: Mapping[str, Room]
    ) -> tuple[list[str], list[Hold]]:
        held: list[Hold] = []
        tries = 0
        while (batch.claims or batch.turns) and tries < _TRIES:
            takes, turns = self._takes(batch, rooms), self._turns(batch)
            shared = [*takes.values(), *turns.values(), *self._skips(batch), *_shares(batch)]
            try:
                self._tables.transact([*shared, *(w for _, both in batch.claims for w in both)])
            except TransactionRefused as refusal:
                tries += 0 if refusal.failed else 1
                held += self._mend(batch, refusal, list(takes), list(turns), len(shared))
                continue
            self._note(batch.claims)
            return [placement.job.id for placement, _ in batch.claims], held
        return [], held + [_gone(placement) for placement, _ in batch.claims]

    def _mend(
        self,
        batch: _Batch,
        refusal: TransactionRefused,
        envs: list[str],
        turns: list[str],
        shared: int,
    ) -> list[Hold]:
        """Leave out what a transaction was refused for; holds for what has to wait for capacity."""
        failed = refusal.failed
        batch.void({(at - shared) // 2 for at in failed if at >= shared})
        overtaken = {array for at, array in enumerate(turns, len(envs)) if at in failed}
        batch.drop(overtaken, set())
        full = {env for at, env in enumerate(envs) if at in failed}
        return [_gone(placement) for placement, _ in batch.drop(set(), full)]

    # ── what is written ───────────────────────────────────────────────────────────────────────

    def _takes(
        self, batch: _Batch, rooms: Mapping[str, Room]
    ) -> dict[str, tuple[TableSchema, Write]]:
        amounts = Counter[str]()
        for placement, _ in batch.claims:
            amounts[placement.env.name] += placement.taken
        return {env: _take(env, amount, rooms[env]) for env, amount in sorted(amounts.items())}

    def _turns(self, batch: _Batch) -> dict[str, tuple[TableSchema, Write]]:
        now = self._clock.now()
        return {
            array: (JOBS, arrays.hand_out(turn.array, turn.first, turn.end, now))
            for array, turn in batch.turns.items()
        }

    def _skips(self, batch: _Batch) -> list[tuple[TableSchema, Write]]:
        return [
            (JOBS, write)
            for turn in batch.turns.values()
            for write in arrays.skipped(turn.array, turn.skipped)
        ]

    def _writes(self, placement: Placement, specs: Mapping[str, JobSpec]) -> Writes:
        """The two writes of one claim; none when its request can not be made."""
        try:
            return self._frozen(placement, specs)
        except (LookupError, TypeError, ValueError) as error:
            self._journal.warn("claim impossible", job=placement.job.id, error=repr(error))
            self._journal.count("ImpossibleClaims")
            return ()

    def _frozen(self, placement: Placement, specs: Mapping[str, JobSpec]) -> Writes:
        job, env, run = placement.job, placement.env, self._ids.uuid()
        request = run_task_request(
            specs[family(job.id)[0]],
            job,
            env,
            run=run,
            cluster=self._cluster,
            network=self._network,
        )
        begin = transitions.claim if placement.array is None else arrays.begin
        update, attempt = begin(job, run, env.name, placement.taken, request, self._clock.now())
        return (JOBS, update), (JOBS, attempt)

    def _note(self, claims: Sequence[Claim]) -> None:
        """One line a job; one an array for all its children."""
        children: dict[str, list[int]] = defaultdict(list)
        for placement, _ in claims:
            job, index = family(placement.job.id)
            if index is None or placement.array is None:
                self._journal.note(
                    "claimed",
                    job=placement.job.id,
                    attempt=placement.job.attempt + 1,
                    env=placement.env.name,
                )
            else:
                children[job].append(index)
        for array, indices in children.items():
            self._journal.note("claimed", job=array, first=min(indices), last=max(indices))


def _take(env: str, amount: int, room: Room) -> tuple[TableSchema, Write]:
    return CAPACITY, capacity.take(env, amount, room.maximum, room.released)


def _shares(batch: _Batch) -> list[tuple[TableSchema, Write]]:
    """What the shares of this transaction's jobs begin to run."""
    amounts = Counter[tuple[str, str]]()
    for placement, _ in batch.claims:
        if placement.job.share:
            amounts[placement.job.queue, placement.job.share] += placement.taken
    return [(CAPACITY, shares.take(*of, amount)) for of, amount in sorted(amounts.items())]


def _broken(placement: Placement) -> Hold:
    reason = "its RunTask request can not be made: the scheduler's log says why"
    return Hold(placement.candidate, Code.INFEASIBLE, reason)


def _gone(placement: Placement) -> Hold:
    reason = f"{placement.env.name}: its capacity was taken by another claim just now"
    return Hold(placement.candidate, Code.CAPACITY, reason)
