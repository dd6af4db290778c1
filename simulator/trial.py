"""One trial: a small, hostile day of a deployment, drawn from a seed, and the verdict on it.

Seeds take turns in three kinds of weather (`simulator.faults`): calm, in which only order, delay
and repetition trouble the functions and nothing is reconciled; deaf, in which most of the stream
and many events are lost; and storm, in which everything happens at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lambdas.core.arrays import CHILD_FAILED
from lambdas.core.errors import Throttled, TooManyRequests
from lambdas.core.job import JobState, Status, child_id
from simulator.checks import Watch, unfinished, violations
from simulator.fargate import Outcome
from simulator.faults import CALM, DEAF, STORM, Crash, Faults
from simulator.world import MINUTE, World

Answer = TypeVar("Answer")

WEATHER = (CALM, DEAF, STORM, STORM)
JOBS = 12
#: The faults last so long; then the world must come to rest within the patience (minutes).
TROUBLED, PATIENCE = 25, 12 * 60
#: A timeout that a job either keeps by minutes or breaks by minutes (seconds).
TIMEOUT = 300
DEPENDENCY = "Dependent Job failed"
TIMED_OUT = "Job attempt duration exceeded timeout"


@dataclass(slots=True)
class Plan:
    """What one job does, and what is done to it."""

    name: str
    runs: int
    failures: int
    attempts: int
    backoff: bool
    timeout: bool
    depends_on: tuple[int, ...]
    submitted: int  #: ms after the beginning
    stop: tuple[str, int] | None
    size: int = 0  #: children, of an array
    child: int | None = None  #: the one child that is to be stopped
    id: str = ""
    stopped: bool = False  #: somebody asked for its end


class Trial:
    """`run` it, then read `verdict`."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.odds = WEATHER[seed % len(WEATHER)]
        self.calm = self.odds is CALM
        self.faults = Faults(self.odds, seed)
        self._random = random.Random(seed)
        self.plans = [self._plan(number) for number in range(JOBS)]
        self._by_name = {plan.name: plan for plan in self.plans}
        self.world = World(self._program, seed, faults=self.faults)
        self.world.fargate.forgets = True
        self._deploy()
        self.watch = Watch(self.world)
        self.world.functions.observers.append(self.watch)

    def run(self) -> Trial:
        world, begin = self.world, self.world.clock.now()
        self.faults.on = True
        world.paused |= {"reconcile"} if self.calm else set()
        for plan in self.plans:
            world.at(begin + plan.submitted, lambda plan=plan: self._submit(plan))  # type: ignore[misc]
            if plan.stop:
                kind, when = plan.stop
                world.at(begin + when, lambda plan=plan, kind=kind: self._stop(plan, kind))  # type: ignore[misc]
        world.run(TROUBLED)
        if self.calm:
            world.run(90)
            self.watch.found += [f"calm: {said}" for said in self._unmoved()]
        self.faults.on = False
        world.paused.clear()
        waited = 0
        while waited < PATIENCE and (waited < 10 or unfinished(world)):
            world.run(10)
            waited += 10
        return self

    def verdict(self) -> list[str]:
        """Every violation; [] when all went as it must."""
        found = [*self.watch.found, *violations(self.world), *unfinished(self.world)]
        return [*found, *(said for plan in self.plans for said in self._broken_promises(plan))]

    def story(self) -> str:
        """Everything that happened to the jobs a violation names, and to those they wait for."""
        verdict = self.verdict()
        told = [f"seed {self.seed}:", *verdict]
        for plan in self.plans:
            if plan.id and any(plan.id in said for said in verdict):
                told += [f"── {plan}", *self.watch.story[plan.id]]
        return "\n".join(told)

    # ── the jobs ──────────────────────────────────────────────────────────────────────────────

    def _plan(self, number: int) -> Plan:
        draw = self._random
        timeout = draw.random() < 0.15 and not self.calm
        slow = timeout and draw.random() < 0.5
        many = draw.choice((0, 0, 0, 1, 1, 2, 3)) if number else 0
        stop = (draw.choice(("cancel", "terminate")), draw.randrange(10 * MINUTE))
        size = draw.choice((0, 0, 0, 0, 1, 3, 7))
        return Plan(
            name=f"job-{number}",
            runs=30 * MINUTE if slow else draw.choice((0, 1_000, 5_000, 30_000, 100_000)),
            failures=draw.choice((0, 0, 0, 1, 1, 2, 3)),
            attempts=draw.choice((1, 2, 3)),
            backoff=draw.random() < 0.4,
            timeout=timeout,
            depends_on=tuple(draw.sample(range(number), min(many, number))),
            submitted=draw.choice((0, 0, draw.randrange(4 * MINUTE))),
            stop=stop if draw.random() < 0.25 else None,
            size=size,
            child=draw.randrange(size) if size and draw.random() < 0.5 else None,
        )

    def _program(self, name: str, attempt: int) -> Outcome:
        plan = self._by_name[name]
        return Outcome(plan.runs, exit_code=1 if attempt <= plan.failures else 0)

    def _deploy(self) -> None:
        self.world.environment("fargate", vcpus=1)
        self.world.environment("spot", vcpus=1, kind="FARGATE_SPOT")
        self.world.queue("default", 50, "fargate")
        self.world.queue("high", 100, "spot", "fargate")
        self.world.definition()

    def _submit(self, plan: Plan) -> None:
        """As a client does: again with the same token, until there is an answer."""
        parents = [self.plans[number] for number in plan.depends_on]
        if any(not parent.id for parent in parents):
            soon = self.world.clock.now() + 10_000
            self.world.at(soon, lambda: self._submit(plan))
            return
        more: dict[str, object] = {"retryStrategy": {"attempts": plan.attempts}}
        more["jobQueue"] = "high" if plan.runs % 2_000 else "default"
        if parents:
            more["dependsOn"] = [{"jobId": parent.id} for parent in parents]
        if plan.size:
            more["arrayProperties"] = {"size": plan.size}
        if plan.timeout:
            more["timeout"] = {"attemptDurationSeconds": TIMEOUT}
        if plan.backoff:
            more["tags"] = {"batchyard:backoff": "10s x2 max 1m"}
        plan.id = _insist(lambda: self.world.submit(plan.name, token=plan.name, **more))

    def _stop(self, plan: Plan, kind: str) -> None:
        if plan.id:
            plan.stopped = True
            stop = self.world.cancel if kind == "cancel" else self.world.terminate
            job = plan.id if plan.child is None else child_id(plan.id, plan.child)
            _insist(lambda: stop(job, f"{kind} by a user"))

    # ── what was promised ─────────────────────────────────────────────────────────────────────

    def _unmoved(self) -> list[str]:
        """Nothing was lost and nothing refused: without `reconcile`, every job has ended."""
        states = {plan.id: self.world.state(plan.id) for plan in self.plans}
        return [
            f"I3: job {job} is {state.status}, waiting for reconcile"
            for job, state in states.items()
            if not state.status.ended
        ]

    def _broken_promises(self, plan: Plan) -> list[str]:
        """I3, I9: a submit that was answered became a job, and it ended as its program says."""
        if not plan.id:
            return [f"I9: {plan.name} was never accepted"]
        state = self.world.state(plan.id)
        wanted, why = self._promised(plan)
        if plan.stopped and state.status is Status.FAILED and _by_user(state):
            return []
        if plan.stopped and plan.size and state.status_reason == CHILD_FAILED:
            return []
        if state.status is not wanted or (why and state.status_reason != why):
            told = f"{state.status} ({state.status_reason})"
            return [f"I3: job {plan.id} ended {told}, its program says {wanted} ({why})"]
        return []

    def _promised(self, plan: Plan) -> tuple[Status, str | None]:
        parents = [self.world.state(self.plans[number].id) for number in plan.depends_on]
        if any(parent.status is Status.FAILED for parent in parents):
            return Status.FAILED, DEPENDENCY
        if plan.timeout and plan.runs > TIMEOUT * 1000:
            return Status.FAILED, CHILD_FAILED if plan.size else TIMED_OUT
        return (Status.SUCCEEDED if plan.failures < plan.attempts else Status.FAILED), None


def _by_user(state: JobState) -> bool:
    return (state.status_reason or "").endswith("by a user")


def _insist(do: Callable[[], Answer]) -> Answer:
    """Call until there is an answer, as a client's SDK does."""
    while True:
        try:
            return do()
        except (Crash, Throttled, TooManyRequests):
            continue
