"""What a user does at a moment of a job's life: stops it, or submits another that waits for it.

Races are lost in an instant. What is asked for at some minute of the day rarely falls into it; what
is asked for when the job is just there does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from lambdas.core.job import Status, family
from lambdas.core.tables import Change
from simulator.world import World

Ask = Callable[[], object]

#: A job's name, the index of its child or None, and a status.
Moment = tuple[str, int | None, Status]


class Moments:
    """Observes the jobs table, and asks for what is to be asked for when a moment comes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._asked: dict[Moment, list[tuple[int, Ask]]] = defaultdict(list)

    def when(self, moment: Moment, later: int, ask: Ask) -> None:
        """Ask, so much later (ms), when a job has this status for the first time; with RUNNING,
        when its first task ends."""
        self._asked[moment].append((later, ask))

    def task_ends(self, name: str, index: int | None, after: int) -> None:
        """A task was made that ends so much later (ms): then it is RUNNING's time."""
        for later, ask in self._asked.pop((name, index, Status.RUNNING), ()):
            self._world.after(after + later, ask)

    def on_change(self, change: Change) -> None:
        if change.key.sk == "STATE" and change.new:
            index = family(change.key.pk)[1]
            moment = change.new["name"], index, Status(change.new["status"])
            if moment[2] is not Status.RUNNING:
                for later, ask in self._asked.pop(moment, ()):
                    self._world.after(later, ask)

    def on_invoked(self, function: str, error: BaseException | None) -> None:
        pass
