"""Strays: tasks that bear an attempt's name and that nobody of ours asked for.

Somebody runs an old request again by hand, or ECS keeps a token for less long than it says. Such a
task is stopped, and what becomes of it says nothing about the attempt.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from lambdas.core.job import state_key, state_of
from simulator.fargate import Outcome
from simulator.world import World

#: It would run for hours, and fail.
STRAY = Outcome(3 * 3_600_000, exit_code=1)


class Strays:
    """Lets them appear; they are not among the tasks that the hosts say were `made`."""

    def __init__(self, world: World, seed: int) -> None:
        self.appearing = False
        self._world = world
        self._draw = random.Random(f"{seed} strays")
        self._arns: list[str] = []

    def appear(self) -> None:
        """Now and then one appears: of an attempt that is over, or has its task written down."""
        if not self._world.faults.strikes("stray"):
            return
        tasks = self._world.tasks.tasks.items()
        known = [task for arn, task in tasks if self._known(arn, task.request["startedBy"])]
        if known:
            token = f"{len(self._arns):08d}-{self._draw.getrandbits(64):016x}"
            request = {**self._draw.choice(known).request, "clientToken": token}
            self.appearing = True
            arn = self._world.tasks.run(request)
            self.appearing = False
            self._arns.append(arn)
            del self._world.fargate.made[arn]

    def left(self) -> Iterator[str]:
        """I10: those that were not stopped."""
        for arn in self._arns:
            task = self._world.tasks.tasks.get(arn)
            if task and task.status != "STOPPED":
                yield f"I10: {arn}, a stray of {task.request['startedBy']}, lives on"

    def _known(self, arn: str, started_by: str) -> bool:
        job, _, run = started_by.replace("_c", ":").partition("/")
        item = self._world.tables.jobs.peek(state_key(job))
        state = state_of(item) if item else None  # it may have expired
        return arn in self._world.fargate.made and (
            state is None or state.run != run or state.task == arn
        )
