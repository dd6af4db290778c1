"""Ringing for a tick: one item and one message a cell, however many ring."""

from __future__ import annotations

from lambdas.core import capacity
from lambdas.core.catalog import Cell, cell_with, cells
from lambdas.core.errors import ConditionFailed
from lambdas.core.ports import Bells, Clock, Table
from lambdas.core.tables import Query
from lambdas.services.catalog_store import CatalogStore

#: A bell that stays rung for so long (ms) has lost its message: a tick clears it at once.
LOST_AFTER = 2 * 60_000

#: How stale the catalog may be when only a bell depends on it (ms).
_STALE = 10_000


class BellService:
    """Whoever turns the bell sends the message; `ring_lost` sends what a crash kept back."""

    def __init__(self, table: Table, bells: Bells, catalog: CatalogStore, clock: Clock) -> None:
        self._table = table
        self._bells = bells
        self._catalog = catalog
        self._clock = clock

    def ring_for_queue(self, queue: str) -> None:
        cell = self._cell(queue=queue)
        if cell:
            self.ring(cell.name)

    def ring_for_environment(self, env: str) -> None:
        """Capacity came free: ring if anybody is parked.

        A job that is being parked at this moment is not missed: either its lane is seen here, or
        the tick that parks it sees this release when it looks at the ledgers again.
        """
        cell = self._cell(name=env)
        if cell and any(self._has_lanes(queue.name) for queue in cell.queues):
            self.ring(cell.name)

    def _cell(self, *, queue: str | None = None, name: str | None = None) -> Cell | None:
        """The cell by a catalog of some seconds ago; what that does not know may be newer."""
        known = cell_with(self._catalog.snapshot(_STALE), queue=queue, name=name)
        return known or cell_with(self._catalog.snapshot(), queue=queue, name=name)

    def ring(self, cell: str) -> None:
        number = self.turn(cell)
        if number is not None:
            self._bells.ring(cell, number)

    def turn(self, cell: str) -> int | None:
        """Turn the bell without a sound: the number under which the message must be sent, soon, by
        who asks (a lost one is replaced after `LOST_AFTER`); None when it is rung already."""
        try:
            bell = self._table.write(capacity.ring(cell, self._clock.now()))
        except ConditionFailed:
            return None
        return int(bell["number"]) if bell else None

    def sound(self, cell: str, number: int) -> None:
        """Send the message of a bell that was turned before."""
        self._bells.ring(cell, number)

    def ring_lost(self) -> int:
        """Ring every cell whose bell has been rung for too long; how many there were."""
        now = self._clock.now()
        lost = 0
        for cell in cells(self._catalog.snapshot()):
            bell = self._table.get(capacity.bell_key(cell.name)) or {}
            if bell.get("rung") and bell["rung_at"] < now - LOST_AFTER:
                lost += self._replace(cell.name, bell["number"], now)
        return lost

    def ring_waiting(self) -> None:
        """Ring every cell in which jobs are parked: nothing that frees capacity is missed for long."""
        for cell in cells(self._catalog.snapshot(_STALE)):
            if any(self._has_lanes(queue.name) for queue in cell.queues):
                self.ring(cell.name)

    def _has_lanes(self, queue: str) -> bool:
        return bool(self._table.query(Query(capacity.lanes_partition(queue), limit=1)).items)

    def _replace(self, cell: str, number: int, now: int) -> int:
        try:
            self._table.write(capacity.ring_again(cell, number, now))
        except ConditionFailed:
            return 0
        self._bells.ring(cell, number + 1)
        return 1
