"""A whole deployment in memory, in virtual time: the production services over the memory adapters.

Everything that happens is an event on one agenda, put there by what causes it: a record by the
write, an invocation by its records, a task's end by its start. Events of one time happen in the
order of their making unless faults shuffle them. The same seed gives the same run.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lambdas.adapters.memory.bells import MemoryBells
from lambdas.adapters.memory.blobs import MemoryBlobs
from lambdas.adapters.memory.clock import SeededIds, VirtualClock
from lambdas.adapters.memory.inboxes import MemoryInboxes
from lambdas.adapters.memory.journal import MemoryJournal
from lambdas.adapters.memory.tables import MemoryTables
from lambdas.adapters.memory.tasks import MemoryTasks
from lambdas.adapters.memory.waits import MemoryWaits
from lambdas.adapters.meter import Meter
from lambdas.core import capacity
from lambdas.core.catalog import cells
from lambdas.core.job import JobState, state_key, state_of
from lambdas.services.catalog_entries import Author
from lambdas.services.catalog_store import CatalogStore
from lambdas.services.platform import Platform
from lambdas.settings import Settings
from simulator.agenda import Agenda
from simulator.fargate import Fargate, Outcome, Program, variables_of
from simulator.faults import Faults
from simulator.functions import Functions
from simulator.latencies import INSTANT, Latencies
from simulator.quotas import Quotas
from simulator.strands import Strands
from simulator.wait_machine import WaitMachine

MINUTE = 60_000
CALLER = "arn:aws:iam::123456789012:user/tester"

#: Ranks that events of one time are shuffled by.
_ANY = 1 << 20


class World:
    """One deployment: its ports (it is one: `Ports`), its services, and what happens around them."""

    def __init__(
        self,
        program: Program | None = None,
        seed: int = 0,
        meter: Meter | None = None,
        faults: Faults | None = None,
        latencies: Latencies = INSTANT,
        metered: bool = True,
        quotas: float | None = None,
        launch_rate: int = 1000,
    ) -> None:
        """`quotas` is this world's part of an account's quotas; None: there are none."""
        self.meter = meter or Meter()
        counter = self.meter if metered else None
        self.clock = VirtualClock()
        self.ids = SeededIds(seed)
        self.tables = MemoryTables(counter)
        self.inboxes = MemoryInboxes(self.clock, counter)
        self.bells = MemoryBells(self.clock, counter)
        self.waits = MemoryWaits(counter)
        self.tasks = MemoryTasks(self.clock, SeededIds(seed + 1), counter)
        self.blobs = MemoryBlobs(counter)
        self.journal = MemoryJournal()
        self.settings = _settings(self.inboxes, launch_rate)
        self.faults = faults or Faults()
        self.program = program or (lambda _name, _attempt: Outcome())
        self.paused: set[str] = set()  #: functions that do not run: relay, launch, schedule, …
        self.latencies = latencies
        self.shards = self.faults.shards  #: of the jobs table's stream
        self.agenda = Agenda()
        self.strands = Strands()
        self.quotas = None if quotas is None else Quotas(self.clock, quotas)
        if self.quotas:
            self.quotas.watch(self.meter)
        self._warm: dict[str, list[Platform]] = {}
        self.platform = self.sandbox("api")
        self.functions = Functions(self)
        draw = random.Random(seed)
        self.fargate = Fargate(
            self.tasks, self.clock, self.at, self._outcome, lambda: latencies.start_of(draw)
        )
        self.machine = WaitMachine(
            self.waits,
            self.tables.jobs,
            self.clock,
            self.at,
            self.faults,
            latencies.execution,
        )
        self.faults.interleave = self.functions.interleave
        self.faults.pause = self.pause
        self.faults.later = self.after

    # ── what a user does ──────────────────────────────────────────────────────────────────────

    def environment(self, name: str = "fargate", vcpus: int = 16, kind: str = "FARGATE") -> str:
        """A compute environment; its name."""
        body = {
            "computeEnvironmentName": name,
            "type": "MANAGED",
            "state": "ENABLED",
            "computeResources": {
                "type": kind,
                "maxvCpus": vcpus,
                "subnets": ["subnet-1"],
                "securityGroupIds": ["sg-1"],
            },
        }
        self.platform.environments.create(body, Author(CALLER))
        return name

    def queue(self, name: str = "default", priority: int = 50, *environments: str) -> str:
        """A job queue over these environments (`fargate` when none is named); its name."""
        order = [
            {"order": number, "computeEnvironment": env}
            for number, env in enumerate(environments or ("fargate",), 1)
        ]
        body = {
            "jobQueueName": name,
            "priority": priority,
            "state": "ENABLED",
            "computeEnvironmentOrder": order,
        }
        self.platform.queues.create(body, Author(CALLER))
        return name

    def definition(self, name: str = "task", **more: Any) -> str:
        """A job definition of 0.25 vCPU and 512 MiB; its name."""
        container = {
            "image": "busybox",
            "command": ["true"],
            "resourceRequirements": [
                {"type": "VCPU", "value": "0.25"},
                {"type": "MEMORY", "value": "512"},
            ],
        }
        body = {
            "jobDefinitionName": name,
            "type": "container",
            "platformCapabilities": ["FARGATE"],
            "containerProperties": container,
            **more,
        }
        self.platform.definitions.register(body, Author(CALLER))
        return name

    def submit(self, name: str = "job", token: str | None = None, **more: Any) -> str:
        """Submit a job to `default` with definition `task`; its id."""
        body = {"jobName": name, "jobQueue": "default", "jobDefinition": "task", **more}
        return str(self.platform.submit.submit(body, CALLER, token)["jobId"])

    def state(self, job: str) -> JobState:
        item = self.tables.jobs.get(state_key(job))
        assert item is not None, f"no job {job}"
        return state_of(item)

    def describe(self, job: str) -> dict[str, Any]:
        """The job as DescribeJobs answers it."""
        detail: dict[str, Any] = self.platform.jobs.describe({"jobs": [job]})["jobs"][0]
        return detail

    def cancel(self, job: str, reason: str) -> None:
        self.platform.jobs.cancel({"jobId": job, "reason": reason}, CALLER)

    def terminate(self, job: str, reason: str) -> None:
        self.platform.jobs.terminate({"jobId": job, "reason": reason}, CALLER)

    # ── what a test looks at ──────────────────────────────────────────────────────────────────

    def in_use(self, env: str) -> int:
        """Milli-vCPUs in use of an environment, as its ledger says."""
        table = self.tables.capacity
        ledger = table.get(capacity.ledger_key(env)) or {}
        released = table.get_many(capacity.released_keys(env)).values()
        return int(ledger.get("taken", 0)) - capacity.released_total(released)

    def inbox(self, queue: str) -> str:
        return self.platform.catalog.queue(queue).inbox

    def variables(self, task: str) -> dict[str, str]:
        """The variables that RunTask gave the container."""
        return variables_of(self.tasks.tasks[task].request)

    def lose_records(self) -> None:
        """Records of the streams that nobody will ever see."""
        self.tables.jobs.drain()
        self.tables.capacity.drain()

    # ── time ──────────────────────────────────────────────────────────────────────────────────

    def at(self, when: int, do: Callable[[], object]) -> None:
        """Do something at this time (epoch ms)."""
        self.agenda.at(when, do, self._rank())

    def after(self, later: int, do: Callable[[], object]) -> None:
        """Do something so many milliseconds from now."""
        self.agenda.at(self.clock.now() + later, do, self._rank())

    def act(self) -> bool:
        """Let one thing happen that is due now; False when there is none."""
        due = self.agenda.next_by(self.clock.now()) is not None
        if due:
            self._step()
        return due

    def settle(self) -> None:
        """Let everything happen that can happen without time passing."""
        while self.act():
            pass

    def run(self, minutes: float = 60, reconcile: bool = True) -> None:
        """Let so much time pass, with a reconcile every minute."""
        end = self.clock.now() + int(minutes * MINUTE)
        if reconcile:
            self._every_minute(end)
        self._until(end)

    def pause(self, ms: int) -> None:
        """Let so much time pass in the middle of something, while everything else goes on."""
        end = self.clock.now() + ms
        if not self.strands.leave(lambda go_on: self.at(end, go_on)):
            self._until(end)

    def _until(self, end: int) -> None:
        agenda, clock = self.agenda, self.clock
        while (when := agenda.next_by(end)) is not None:
            clock.advance(max(0, when - clock.now()))
            self._step()
        clock.advance(max(0, end - clock.now()))

    def _step(self) -> None:
        """The next event happens: by itself, so that it can be left in its midst, if faults will."""
        do = self.agenda.take()
        if self.faults.on:
            self.strands.begin(do)
        else:
            do()

    def _rank(self) -> int:
        """Events of one time happen in any order, if faults will."""
        return self.faults.upto(_ANY) if self.faults.on else 0

    def _every_minute(self, end: int) -> None:
        for when in range(self.clock.now() + MINUTE, end + 1, MINUTE):
            self.at(when, self.functions.reconcile)

    # ── functions ─────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def instance(self, function: str) -> Iterator[Platform]:
        """The services as one instance of a function holds them, for one invocation at a time: a
        warm one (of several versions that are deployed, any), which stays warm when it lives."""
        warm = self._warm.setdefault(function, [])
        if not warm or self.faults.strikes("replaced"):
            platform = self.sandbox(function)
        else:
            platform = warm.pop(self.faults.upto(len(warm)) - 1)
        yield platform
        warm.append(platform)

    def sandbox(self, function: str) -> Platform:
        """The services as a cold instance of this function holds them."""
        ports = self.quotas.around(self) if self.quotas else self
        return Platform(self.faults.around(ports, function), self.settings)

    def cells(self) -> list[str]:
        return [
            cell.name for cell in cells(CatalogStore(self.tables.catalog, self.clock).snapshot())
        ]

    def _outcome(self, variables: Mapping[str, str]) -> Outcome:
        name = self.state(variables["AWS_BATCH_JOB_ID"]).name
        return self.program(name, int(variables["AWS_BATCH_JOB_ATTEMPT"]))


def _settings(inboxes: MemoryInboxes, launch_rate: int) -> Settings:
    return Settings(
        deployment="sim",
        partition="aws",
        region="us-east-1",
        account="123456789012",
        jobs_table="jobs",
        catalog_table="catalog",
        capacity_table="capacity",
        cluster="sim",
        blob_bucket="blobs",
        effects_queue=inboxes.create("effects"),
        rejected_queue=inboxes.create("rejected"),
        execution_role="arn:aws:iam::123456789012:role/batchyard/jobs/execution",
        pass_roles=("*",),
        subnets=("subnet-1",),
        security_groups=("sg-1",),
        assign_public_ip=True,
        launch_rate=launch_rate,
    )
