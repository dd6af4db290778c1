"""One trial: a small, hostile day of a deployment, drawn from a seed, and the verdict on it.

Seeds take turns in four kinds of weather (`simulator.odds`): calm, in which only order, delay
and repetition trouble the functions and nothing is reconciled; deaf, in which most of the stream
and many events are lost; storm, in which everything happens at once; and lag, in which everything
is slow and overtakes each other. Each but the calm aims at one call site besides, at which
invocations die or are overtaken again and again; and in some of them functions stand still for
hours (`simulator.outage`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar

from lambdas.core.errors import Throttled, TooManyRequests
from simulator.aims import aim_of
from simulator.bounds import APART, Place, outlived, with_room
from simulator.chance import Only, Struck
from simulator.checks import Watch, unfinished, violations
from simulator.doors.clients import Clients
from simulator.doors.open import opened, part
from simulator.fargate import Outcome
from simulator.faults import Crash, Faults
from simulator.latencies import INSTANT
from simulator.moments import Moments
from simulator.moods import Mood
from simulator.odds import CALM, DEAF, DUEL, LAG, MINUTE, RIVALS, STORM
from simulator.outage import Outage
from simulator.plans import Plan, Stop, parts, workload
from simulator.promises import broken_promises, unmoved
from simulator.sizes import drawn
from simulator.strays import STRAY, Strays
from simulator.world import World

Answer = TypeVar("Answer")

#: How long a client waits before it asks again (ms).
AGAIN = (0, 100, 2_000, 20_000)

WEATHER = (CALM, DEAF, STORM, LAG, DUEL, RIVALS, STORM, DUEL)
#: The faults last so long; then the world must come to rest within the patience (minutes).
TROUBLED, PATIENCE = 25, 48 * 60

#: When no stray task may be left (minutes after the last fault).
STRAYS_GONE = 20

#: When a job is submitted at last whose moment has not come (ms after the beginning).
LATE = 7 * MINUTE


class Trial:
    """`run` it, then read `verdict`.

    `only` limits what goes wrong (`simulator.chance`), and `without` leaves out parts of the workload.
    """

    def __init__(
        self,
        seed: int,
        only: Only | None = None,
        without: Collection[str] = frozenset(),
    ) -> None:
        self.seed = seed
        self.odds = WEATHER[seed % len(WEATHER)]
        self.calm = self.odds is CALM
        self.outage = None if self.calm else Outage.of(seed)
        aim = aim_of(seed, self.odds, self.outage)
        self.faults = Faults(self.odds, seed, aim, only)
        self.interrupted: set[str] = set()
        self.plans = workload(seed, not self.calm and self.outage is None, without)
        self.mood = Mood() if self.calm else Mood.of(seed)
        self.world = World(
            seed=seed,
            faults=self.faults,
            metered=False,
            launch_rate=self.mood.launch_rate,
        )
        self.world.fargate.forgets = True
        self.world.fargate.outcome_of = self._outcome
        self.faults.tell_time_by(self.world.clock.now)
        self.begin = self.world.clock.now()
        self._deploy()
        self.clients = Clients(self.world, seed)
        self.doors = opened(seed, aim, self.clients, self.plans, without)
        self.watch = Watch(self.world)
        self.world.functions.observers.append(self.watch)
        self.moments = Moments(self.world)
        self.strays = Strays(self.world, seed)
        self.world.functions.observers.append(self.moments)
        self.world.functions.streams.on_delivered = self.watch.on_delivered
        self.world.functions.streams.on_capacity = self.watch.on_capacity_change

    @property
    def parts(self) -> list[str]:
        """What the workload can do without."""
        return [*parts(self.plans), *map(part, self.doors)]

    @property
    def struck(self) -> list[Struck]:
        """Every fault that struck, in order."""
        return self.faults.struck

    def run(self) -> Trial:
        with drawn(self.seed):
            try:
                return self._run()
            except Exception as error:
                self.watch.found.append(f"I3: the day ends with {error!r}")
                return self

    def _run(self) -> Trial:
        world, begin = self.world, self.begin
        self.faults.on = True
        world.paused |= {"reconcile"} if self.calm else set()
        for plan in self.plans.values():
            self._await_moments(plan)
            # One that meets another comes when that is where it is to be met, or late.
            first = LATE if plan.meets else plan.submitted
            world.at(begin + first, lambda plan=plan: self._submit(plan))  # type: ignore[misc]
            for stop in plan.stops:
                if stop.at is None:
                    world.at(begin + stop.when, lambda p=plan, s=stop: self._stop(p, s))  # type: ignore[misc]
        if self.outage:
            self.outage.befall(world, begin)
        for door in self.doors:
            for when, script in door.scripts():
                self.clients.begin(begin + when, script)
        for minute in range(1, TROUBLED):
            world.at(begin + minute * MINUTE + 30_000, self._reclaim)
            world.at(begin + minute * MINUTE + 40_000, self.strays.appear)
        world.run(TROUBLED)
        if self.outage:
            world.run(self.outage.minutes)
        if self.calm:
            world.run(90)
            self.watch.found += [f"calm: {said}" for said in unmoved(world, self.plans)]
        self.faults.on = False
        world.paused.clear()
        waited, could = 0, set[Place]()
        while waited < PATIENCE and (
            waited < STRAYS_GONE or self.clients.busy or unfinished(world)
        ):
            world.run(APART)
            waited += APART
            if waited == STRAYS_GONE:
                self.watch.found += [*self.strays.left(), *outlived(world)]
            if waited >= STRAYS_GONE:
                could, before = with_room(world), could
                self.watch.found += [f"I8: {at} waits {APART} minutes" for at in could & before]
        return self

    def verdict(self) -> list[str]:
        """Every violation; [] when all went as it must."""
        forgotten = self.watch.forgotten()
        found = [*self.watch.at_rest(), *violations(self.world, forgotten), *unfinished(self.world)]
        excused = self.faults.refused | self.interrupted | forgotten
        found += broken_promises(self.world, self.plans, excused)
        return list(dict.fromkeys((*found, *self._behind_doors(excused))))

    # ── the world ─────────────────────────────────────────────────────────────────────────────

    def _behind_doors(self, excused: Collection[str]) -> Iterator[str]:
        jobs = {started_by.partition("/")[0] for started_by in excused}
        if self.clients.busy:
            yield f"I9: {self.clients.busy} clients wait for an answer still"
            return
        yield from self.clients.found
        for door in self.doors:
            yield from door.broken(jobs)

    def _outcome(self, variables: Mapping[str, str]) -> Outcome:
        if self.strays.appearing:
            return STRAY
        name = self.world.state(variables["AWS_BATCH_JOB_ID"]).name
        if name not in self.plans:
            return Outcome(self.clients.runs.get(name, 1_000))
        plan = self.plans[name]
        index = variables.get("AWS_BATCH_JOB_ARRAY_INDEX")
        attempt = int(variables["AWS_BATCH_JOB_ATTEMPT"])
        child = None if index is None else int(index)
        self.moments.task_ends(plan.name, child, INSTANT.start + plan.runs)
        fails = plan.fails(attempt, child)
        return Outcome(plan.runs, exit_code=1 if fails else 0)

    def _reclaim(self) -> None:
        """Now and then a Spot pool is lost at a stroke."""
        if self.faults.strikes("reclaimed"):
            for task in list(self.world.tasks.tasks.values()):
                provider = task.request["capacityProviderStrategy"][0]["capacityProvider"]
                if provider == "FARGATE_SPOT" and task.status != "STOPPED":
                    self.interrupted.add(task.request["startedBy"])
                    self.world.fargate.interrupt(task)

    def _deploy(self) -> None:
        self.world.environment("fargate", self.mood.vcpus)
        self.world.environment("spot", self.mood.vcpus, "FARGATE_SPOT")
        self.world.queue("default", 50, "fargate")
        self.world.queue("high", 100, "spot", "fargate")
        self.world.definition()

    def _submit(self, plan: Plan) -> None:
        """As a client does: again with the same token, until there is an answer."""
        if plan.id:
            return
        parents = {name: self.plans[name].id for name in plan.depends_on}
        if not all(parents.values()):
            soon = self.world.clock.now() + 10_000
            self.world.at(soon, lambda: self._submit(plan))
            return
        asked = plan.request(parents)
        plan.id = self._insist(lambda: self.world.submit(plan.name, token=plan.name, **asked))
        if plan.again:
            self.world.after(plan.again, lambda: self._submit_again(plan, asked))

    def _submit_again(self, plan: Plan, asked: Mapping[str, Any]) -> None:
        """The same call once more is the same job."""
        job = self._insist(lambda: self.world.submit(plan.name, token=plan.name, **asked))
        if job != plan.id:
            self.watch.found.append(f"I9: {plan.name} is job {plan.id}, and {job}")

    def _await_moments(self, plan: Plan) -> None:
        """What is to be done when this job is somewhere."""
        when = self.moments.when
        for stop in plan.stops:
            if stop.at:
                place = (plan.name, stop.child, stop.at)
                when(place, stop.when, lambda s=stop: self._stop(plan, s))  # type: ignore[misc]
        for other in self.plans.values():
            if other.meets and other.depends_on[0] == plan.name:
                place = (plan.name, None, other.meets)
                when(place, other.submitted, lambda o=other: self._submit(o))  # type: ignore[misc]

    def _stop(self, plan: Plan, stop: Stop) -> None:
        if plan.id:
            plan.stopped.append(stop)
            job = plan.id if stop.child is None else f"{plan.id}:{stop.child}"
            ask = self.world.cancel if stop.kind == "cancel" else self.world.terminate
            self._insist(lambda: ask(job, f"{stop.kind} by a user ({len(plan.stopped)})"))

    def _insist(self, do: Callable[[], Answer]) -> Answer:
        """Call until there is an answer, as a client's SDK does; meanwhile everything goes on."""
        while True:
            try:
                with self.faults.invocation("api"):
                    return do()
            except (Crash, Throttled, TooManyRequests):
                self.world.platform = self.world.sandbox("api")
                self.world.pause(self.faults.order(AGAIN)[0])
