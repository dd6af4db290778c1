"""AWS's default quotas, as token buckets between the services and the memory adapters.

A call beyond its quota is refused with what the AWS adapters raise for it (`Throttled`), before it
has any effect. The figures are us-east-1's for an account that never asked for more; other
accounts, other Regions and new accounts may have less. What AWS does not state (EC2's CreateFleet
for one, DescribeTasks beyond its bucket) is not guessed here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdas.adapters.meter import Meter
from lambdas.core.errors import Throttled
from lambdas.core.ports import Clock, Ports
from lambdas.core.tables import TableSchema, Write


@dataclass(frozen=True, slots=True)
class Quota:
    """A bucket of `burst` tokens to which `rate` come back every second."""

    burst: float
    rate: float


#: "Amazon ECS API Reference", Request throttling: cluster resource modify and read actions, task
#: definition modify actions. "Amazon ECS Developer Guide", AWS Fargate throttling quotas: RunTask
#: on Fargate 20 calls a second, burst and sustained; tasks 100 and 20, Spot for itself.
#: "Step Functions Developer Guide", Quotas: StartExecution 1,300 and 300 (800 and 150 in the
#: smaller Regions). "Amazon SQS Developer Guide", Message quotas: 300 calls a second of each action
#: of a FIFO queue. "Amazon EventBridge User Guide", Quotas: PutEvents 10,000 a second.
DEFAULTS: Mapping[str, Quota] = {
    "ecs modify": Quota(100, 40),
    "ecs read": Quota(100, 20),
    "task definitions": Quota(20, 1),
    "Fargate RunTask": Quota(20, 20),
    "Fargate tasks": Quota(100, 20),
    "Fargate Spot tasks": Quota(100, 20),
    "StartExecution": Quota(1300, 300),
    "FIFO SendMessage": Quota(300, 300),
    "PutEvents": Quota(10_000, 10_000),
}

#: "Amazon DynamoDB Developer Guide", Designing partition keys: units a second of one key.
KEY_WRITES, KEY_READS = 1000, 3000


class Bucket:
    """Tokens that come back with time (ms)."""

    __slots__ = ("at", "quota", "tokens")

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.tokens = quota.burst
        self.at = 0

    def take(self, now: int) -> bool:
        """One token, if there is one."""
        if now > self.at:
            back = (now - self.at) * self.quota.rate / 1000
            self.tokens, self.at = min(self.quota.burst, self.tokens + back), now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class Hottest:
    """The busiest second of any key: its units, whose they were and when (ms)."""

    units: float = 0.0
    key: str = ""
    at: int = 0


@dataclass(slots=True)
class Keys:
    """What was spent of each key of the tables and indexes in the second that runs."""

    limit: float
    hottest: Hottest = field(default_factory=Hottest)
    second: int = 0
    spent: dict[tuple[str, str], float] = field(default_factory=dict)

    def spend(self, second: int, place: str, key: str, units: float) -> None:
        if second != self.second:
            self.settle()
            self.second = second
        self.spent[place, key] = self.spent.get((place, key), 0.0) + units

    def settle(self) -> None:
        """Close the second: was one of its keys the hottest?"""
        if self.spent:
            (place, key), units = max(self.spent.items(), key=lambda entry: entry[1])
            if units > self.hottest.units:
                self.hottest = Hottest(units, f"{place} {key}", self.second * 1000)
            self.spent.clear()

    def full(self, second: int, place: str, key: str) -> bool:
        return second == self.second and self.spent.get((place, key), 0.0) >= self.limit


class Quotas:
    """One account's quotas, or a part of them. `throttled` counts refused calls by quota.

    A world's calls take no time, so what one invocation calls meets its bucket in one instant: AWS
    would see it spread over as long as the calls last. DynamoDB's keys are kept by the second, as
    they were billed; a key that is used up is refused until the next.
    """

    def __init__(
        self, clock: Clock, part: float = 1.0, defaults: Mapping[str, Quota] = DEFAULTS
    ) -> None:
        self.throttled: Counter[str] = Counter()
        self.writes, self.reads = Keys(KEY_WRITES), Keys(KEY_READS)
        self._clock = clock
        self._buckets = {
            name: Bucket(Quota(max(1.0, quota.burst * part), quota.rate * part))
            for name, quota in defaults.items()
        }

    def watch(self, meter: Meter) -> None:
        """Hear what each key was billed."""
        meter.on_write = self._wrote
        meter.on_read = self._read

    def around(self, ports: Ports) -> Ports:
        """The ports, within these quotas."""
        limited: Ports = LimitedPorts(ports, self)
        return limited

    def call(self, *names: str) -> None:
        """One call that takes from these buckets. Raises Throttled when one is empty."""
        now = self._clock.now()
        for name in names:
            if not self._buckets[name].take(now):
                self.throttled[name] += 1
                raise Throttled(f"ThrottlingException: Rate exceeded ({name})")

    def check_write(self, table: str, key: str) -> None:
        """Raises Throttled when this key has had its units of this second."""
        if self.writes.full(self._second(), table, key):
            self.throttled["DynamoDB key"] += 1
            raise Throttled("ProvisionedThroughputExceededException: the key is too hot")

    @property
    def hottest(self) -> tuple[Hottest, Hottest]:
        """The busiest second of any key, of writes and of reads."""
        self.writes.settle()
        self.reads.settle()
        return self.writes.hottest, self.reads.hottest

    def _second(self) -> int:
        return self._clock.now() // 1000

    def _wrote(self, place: str, key: str, units: float) -> None:
        self.writes.spend(self._clock.now() // 1000, place, key, units)

    def _read(self, place: str, key: str, units: float) -> None:
        self.reads.spend(self._clock.now() // 1000, place, key, units)


# ── the ports ─────────────────────────────────────────────────────────────────────────────────


class LimitedPorts:
    """Ports whose calls meet quotas; the others are left as they are."""

    def __init__(self, ports: Ports, quotas: Quotas) -> None:
        self.tables: Any = _Tables(ports.tables, quotas)
        self.waits: Any = _Port(ports.waits, quotas, {"start": "StartExecution"})
        self.tasks: Any = _Tasks(ports.tasks, quotas, _TASKS)
        self.bells: Any = _Port(ports.bells, quotas, {"ring": "FIFO SendMessage"})
        self.inboxes, self.blobs = ports.inboxes, ports.blobs
        self.clock, self.ids, self.journal = ports.clock, ports.ids, ports.journal


_STRATEGY = "capacityProviderStrategy"
_TASKS = {
    "register": "task definitions",
    "deregister": "task definitions",
    "stop": "ecs modify",
    "describe": "ecs read",
    "find": "ecs read",
    "listing": "ecs read",
}


class _Port:
    """Operations of one service, each with its bucket; what has none goes straight through."""

    def __init__(self, port: Any, quotas: Quotas, limited: Mapping[str, str]) -> None:
        self._port, self._quotas, self._limited = port, quotas, limited

    def __getattr__(self, operation: str) -> Any:
        do, quotas = getattr(self._port, operation), self._quotas
        bucket = self._limited.get(operation)
        if bucket is None:
            return do

        def call(*args: Any, **more: Any) -> Any:
            quotas.call(bucket)
            return do(*args, **more)

        setattr(self, operation, call)
        return call


class _Tasks(_Port):
    def run(self, request: Mapping[str, Any]) -> Any:
        kind = next((p["capacityProvider"] for p in request.get(_STRATEGY, ())), "")
        fargate = {
            "FARGATE": ("Fargate RunTask", "Fargate tasks"),
            "FARGATE_SPOT": ("Fargate RunTask", "Fargate Spot tasks"),
        }
        self._quotas.call("ecs modify", *fargate.get(kind, ()))
        return self._port.run(request)


class _Table:
    """A table, whose keys take so many units a second."""

    def __init__(self, table: Any, quotas: Quotas, name: str) -> None:
        self.get, self.get_many, self.query = table.get, table.get_many, table.query
        self._table, self._quotas, self._name = table, quotas, name

    def write(self, write: Write) -> Any:
        self._quotas.check_write(self._name, write.key.pk)
        return self._table.write(write)

    def transact(self, writes: Sequence[Write]) -> None:
        for write in writes:
            self._quotas.check_write(self._name, write.key.pk)
        self._table.transact(writes)


class _Tables:
    def __init__(self, tables: Any, quotas: Quotas) -> None:
        self._tables, self._quotas = tables, quotas
        self.jobs = _Table(tables.jobs, quotas, "jobs")
        self.catalog = _Table(tables.catalog, quotas, "catalog")
        self.capacity = _Table(tables.capacity, quotas, "capacity")

    def transact(self, writes: Sequence[tuple[TableSchema, Write]]) -> None:
        for schema, write in writes:
            self._quotas.check_write(schema.name, write.key.pk)
        self._tables.transact(writes)
