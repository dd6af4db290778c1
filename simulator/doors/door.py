"""A door: scripts of its own, and what they were promised."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

from lambdas.core.job import JobState, Status, state_key, state_of
from simulator.doors.clients import Answer, Clients, Script
from simulator.plans import Plan

MINUTE = 60_000

CONTAINER = {
    "image": "busybox",
    "command": ["true"],
    "resourceRequirements": [
        {"type": "VCPU", "value": "0.25"},
        {"type": "MEMORY", "value": "512"},
    ],
}


class Door:
    """`files` are what the names of the call sites that it leads to begin with. A subclass says what
    its clients do (`scripts`, each with the time of its beginning, ms of the day) and what must
    have come of it (`broken`)."""

    name: ClassVar[str]
    files: ClassVar[frozenset[str]]

    def __init__(self, clients: Clients, plans: Mapping[str, Plan], seed: int) -> None:
        self.clients = clients
        self.world = clients.world
        self.truth = clients.truth
        self.plans = plans
        self.draw = random.Random(f"{seed} door {self.name}")
        self.found = clients.found
        self.jobs: dict[str, str] = {}  #: its own, by name

    def scripts(self) -> Iterator[tuple[int, Script]]:
        raise NotImplementedError

    def broken(self, excused: Collection[str]) -> Iterator[str]:
        """What was promised and does not hold, at rest; `excused` are jobs that ECS let down."""
        raise NotImplementedError

    # ── for subclasses ────────────────────────────────────────────────────────────────────────

    def soon(self) -> int:
        """Some moment of the first minutes; now and then the very beginning (ms of the day)."""
        return self.draw.choice((0, self.draw.randrange(2 * MINUTE)))

    def expect(self, holds: bool, said: str) -> None:
        if not holds:
            self.found.append(f"I9: {self.name}: {said}")

    def done(self, answer: Answer, asked: str) -> bool:
        """It was done, or a try before this one did it."""
        self.expect(answer.refusal is None, f"{asked} was refused: {answer.refusal}")
        return answer.refusal is None

    def state(self, job: str) -> JobState | None:
        item = self.world.tables.jobs.peek(state_key(job))
        return state_of(item) if item else None

    def ended_well(self, excused: Collection[str], but_for: str | None = None) -> Iterator[str]:
        """Each of its own jobs has succeeded, or failed for this reason."""
        for name, job in self.jobs.items():
            state = self.state(job)
            if state is None:
                yield f"I9: {self.name}: job {job} ({name}) was accepted, and there is none"
                continue
            let_down = job in excused or (but_for and state.status_reason == but_for)
            if state.status is not Status.SUCCEEDED and not let_down:
                yield f"I3: {self.name}: job {job} is {state.status} ({state.status_reason})"


def submission(name: str, **more: Any) -> dict[str, Any]:
    """A SubmitJob request."""
    return {"jobName": name, "jobQueue": "default", "jobDefinition": "task", **more}
