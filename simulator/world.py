"""A whole deployment in memory, in virtual time: the production services over the memory adapters.

Everything that can happen now happens now (`settle`), in a fixed order; then time moves to the
next thing that is due (`run`). The same seed gives the same run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
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
from lambdas.core.job import JobState, state_key, state_of
from lambdas.services.catalog_entries import Author
from lambdas.services.platform import Platform
from lambdas.settings import Settings
from simulator.wait_machine import WaitMachine

MINUTE = 60_000
CALLER = "arn:aws:iam::123456789012:user/tester"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt's task goes: how long it runs (ms), and how it ends."""

    runs: int = 1_000
    exit_code: int | None = 0
    reason: str | None = None
    stop_code: str | None = None
    stopped_reason: str | None = None


#: Decides on every task by its job's name and attempt, from 1.
Program = Callable[[str, int], Outcome]


class World:
    """One deployment: its ports (it is one: `Ports`), its services, and what happens around them."""

    def __init__(
        self, program: Program | None = None, seed: int = 0, meter: Meter | None = None
    ) -> None:
        self.meter = meter or Meter()
        self.clock = VirtualClock()
        self.ids = SeededIds(seed)
        self.tables = MemoryTables(self.meter)
        self.inboxes = MemoryInboxes(self.clock, self.meter)
        self.bells = MemoryBells(self.clock, self.meter)
        self.waits = MemoryWaits(self.meter)
        self.tasks = MemoryTasks(self.clock, SeededIds(seed + 1), self.meter)
        self.blobs = MemoryBlobs(self.meter)
        self.journal = MemoryJournal()
        self.settings = _settings(self.inboxes)
        self.platform = Platform(self, self.settings)
        self.program = program or (lambda _name, _attempt: Outcome())
        self.start_delay = 500  #: ms from RunTask to RUNNING
        self.paused: set[str] = set()  #: functions that do not run: relay, launch, schedule, …
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._number = count()
        self._machine = WaitMachine(self.waits, self.tables.jobs, self.clock, self.at)
        self._started: set[str] = set()
        self._stopped: set[str] = set()
        self._effects: list[dict[str, Any]] = []

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
        return _environment(self.tasks.tasks[task].request)

    def lose_records(self) -> None:
        """Records of the streams that nobody will ever see."""
        self.tables.jobs.drain()
        self.tables.capacity.drain()

    # ── time ──────────────────────────────────────────────────────────────────────────────────

    def at(self, when: int, do: Callable[[], None]) -> None:
        """Do something at this time (epoch ms)."""
        heappush(self._agenda, (when, next(self._number), do))

    def settle(self) -> None:
        """Let everything happen that can happen without time passing."""
        while any([self._streams(), self._bells(), self._machine.step(), self._ecs()]):
            pass

    def run(self, minutes: float = 60, reconcile: bool = True) -> None:
        """Let so much time pass, with a reconcile every minute."""
        end = self.clock.now() + int(minutes * MINUTE)
        if reconcile:
            self._every_minute(end)
        self.settle()
        while self._agenda and self._agenda[0][0] <= end:
            when, _, do = heappop(self._agenda)
            self.clock.advance(max(0, when - self.clock.now()))
            do()
            self.settle()
        self.clock.advance(max(0, end - self.clock.now()))

    def _every_minute(self, end: int) -> None:
        for when in range(self.clock.now() + MINUTE, end + 1, MINUTE):
            self.at(when, self._reconcile)

    def _reconcile(self) -> None:
        if "reconcile" not in self.paused:
            self.platform.reconciler.run(self.clock.now() + 40_000)
            self._effects_queue()

    # ── functions ─────────────────────────────────────────────────────────────────────────────

    def _streams(self) -> bool:
        changes = self.tables.jobs.drain()
        self.tables.capacity.drain()
        if "relay" not in self.paused:
            self.platform.relay.on_changes(changes)
        if "launch" not in self.paused:
            for change in changes:
                self.platform.launcher.on_change(change)
        return self._effects_queue() or bool(changes)

    def _effects_queue(self) -> bool:
        queue = self.settings.effects_queue
        messages = self.inboxes.take(queue, 100)
        for message in messages:
            owed = json.loads(message.body)
            if "cell" in owed:
                self.platform.bell.ring(owed["cell"])
            else:
                self.platform.reconciler.pay(owed["job"])
            self.inboxes.acknowledge(queue, [message.receipt])
        if not messages and self.inboxes.depth(queue):
            self.at(self.clock.now() + 1000, lambda: None)
        return bool(messages)

    def _bells(self) -> bool:
        if "schedule" in self.paused:
            return False
        bell = self.bells.take()
        if bell:
            self.platform.scheduler.tick(bell[0], self.clock.now() + 20_000)
        return bell is not None

    # ── ECS ───────────────────────────────────────────────────────────────────────────────────

    def _ecs(self) -> bool:
        for arn, task in list(self.tasks.tasks.items()):
            if arn not in self._started:
                self._started.add(arn)
                self._begin(arn, task.request)
            elif task.stop is not None and arn not in self._stopped:
                self._stopped.add(arn)
                self.at(self.clock.now() + 1000, lambda arn=arn: self._kill(arn))  # type: ignore[misc]
        events, self.tasks.events = self.tasks.events, []
        if "track" not in self.paused:
            for report in events:
                self.platform.tracker.on_report(report)
        return bool(events)

    def _begin(self, arn: str, request: Mapping[str, Any]) -> None:
        env = _environment(request)
        job = env["AWS_BATCH_JOB_ID"]
        outcome = self.program(self.state(job).name, int(env["AWS_BATCH_JOB_ATTEMPT"]))
        start = self.clock.now() + self.start_delay
        self.at(start, lambda: self._start(arn))
        self.at(start + outcome.runs, lambda: self._finish(arn, outcome))

    def _start(self, arn: str) -> None:
        if self.tasks.tasks[arn].status == "PROVISIONING":
            self.tasks.start(arn)

    def _finish(self, arn: str, outcome: Outcome) -> None:
        if self.tasks.tasks[arn].status != "STOPPED":
            self.tasks.finish(
                arn,
                outcome.exit_code,
                outcome.reason,
                outcome.stop_code,
                outcome.stopped_reason,
            )

    def _kill(self, arn: str) -> None:
        if self.tasks.tasks[arn].status != "STOPPED":
            self.tasks.finish(arn, 137)


def _environment(request: Mapping[str, Any]) -> dict[str, str]:
    """The variables RunTask gives the container."""
    container = request["overrides"]["containerOverrides"][0]
    return {entry["name"]: entry["value"] for entry in container["environment"]}


def _settings(inboxes: MemoryInboxes) -> Settings:
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
        launch_rate=1000,
    )
