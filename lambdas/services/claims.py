"""Claiming: placed jobs and the capacity they take, in one transaction.

A job that cannot be claimed any more (cancelled, claimed by another tick) is dropped and the rest
tried again; capacity that is gone after all refuses every job of its environment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lambdas.core import capacity, transitions
from lambdas.core.errors import TransactionRefused
from lambdas.core.ports import Clock, Ids, Journal, Tables
from lambdas.core.scheduling import Code, Hold, Placement, Room
from lambdas.core.spec import JobSpec
from lambdas.core.tables import CAPACITY, JOBS, TableSchema, Write
from lambdas.core.task_request import Network, run_task_request
from lambdas.services.specs import Specs

#: Jobs claimed in one transaction: two writes each, and one for each environment.
BATCH = 25

#: How often a transaction that met others in flight is tried.
_TRIES = 4


Writes = tuple[tuple[TableSchema, Write], ...]


@dataclass(frozen=True, slots=True)
class Claimed:
    """The ids of jobs that start, holds for those whose capacity was gone, and for those that can
    not be asked of ECS at all: they must not keep the others of their cell from starting."""

    claimed: tuple[str, ...]
    refused: tuple[Hold, ...]
    broken: tuple[Hold, ...] = ()


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
        for first in range(0, len(placements), BATCH):
            batch = placements[first : first + BATCH]
            specs = self._specs.load_many([p.job.id for p in batch])
            pairs = [(placement, self._writes(placement, specs)) for placement in batch]
            done, held = self._claim_batch([(p, w) for p, w in pairs if w], rooms)
            claimed += done
            refused += held
            broken += [_broken(placement) for placement, writes in pairs if not writes]
        return Claimed(tuple(claimed), tuple(refused), tuple(broken))

    def _claim_batch(
        self, pairs: list[tuple[Placement, Writes]], rooms: Mapping[str, Room]
    ) -> tuple[list[str], list[Hold]]:
        held: list[Hold] = []
        tries = 0
        while pairs and tries < _TRIES:
            envs = Counter[str]()
            for placement, _ in pairs:
                envs[placement.env.name] += placement.taken
            takes = [_take(env, amount, rooms[env]) for env, amount in sorted(envs.items())]
            try:
                self._tables.transact([*takes, *(write for _, both in pairs for write in both)])
            except TransactionRefused as refusal:
                tries += 0 if refusal.failed else 1
                gone = {env for i, env in enumerate(sorted(envs)) if i in refusal.failed}
                void = {(i - len(takes)) // 2 for i in refusal.failed if i >= len(takes)}
                held += [_gone(p) for p, _ in pairs if p.env.name in gone]
                pairs = [
                    pair
                    for i, pair in enumerate(pairs)
                    if i not in void and pair[0].env.name not in gone
                ]
                continue
            self._note(pairs)
            return [placement.job.id for placement, _ in pairs], held
        return [], held + [_gone(placement) for placement, _ in pairs]

    def _writes(self, placement: Placement, specs: Mapping[str, JobSpec]) -> Writes:
        """The two writes of one claim; none when its request can not be made."""
        try:
            return self._frozen(placement, specs)
        except (LookupError, TypeError, ValueError) as error:
            self._journal.warn("claim impossible", job=placement.job.id, error=repr(error))
            self._journal.count("ImpossibleClaims")
            return ()

    def _frozen(self, placement: Placement, specs: Mapping[str, JobSpec]) -> Writes:
        job, run = placement.job, self._ids.uuid()
        request = run_task_request(
            specs[job.id],
            job,
            placement.env,
            run=run,
            cluster=self._cluster,
            network=self._network,
        )
        update, attempt = transitions.claim(
            job, run, placement.env.name, placement.taken, request, self._clock.now()
        )
        return (JOBS, update), (JOBS, attempt)

    def _note(self, pairs: Sequence[tuple[Placement, object]]) -> None:
        for placement, _ in pairs:
            job = placement.job
            self._journal.note(
                "claimed", job=job.id, attempt=job.attempt + 1, env=placement.env.name
            )


def _take(env: str, amount: int, room: Room) -> tuple[TableSchema, Write]:
    return CAPACITY, capacity.take(env, amount, room.maximum, room.released)


def _broken(placement: Placement) -> Hold:
    reason = "its RunTask request can not be made: the scheduler's log says why"
    return Hold(placement.job, Code.INFEASIBLE, reason)


def _gone(placement: Placement) -> Hold:
    reason = f"{placement.env.name}: its capacity was taken by another claim just now"
    return Hold(placement.job, Code.CAPACITY, reason)
