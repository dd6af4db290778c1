"""The ports: everything a service may ask of the world, and nothing else.

Two adapters stand behind every port, `adapters.aws` and `adapters.memory`; one contract suite
(`tests/contract`) holds both to the docstrings of this page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lambdas.core.tables import Item, Key, Page, Query, TableSchema, Write


class Clock(Protocol):
    """The time, as whole milliseconds since the epoch."""

    def now(self) -> int: ...


class Ids(Protocol):
    """New identifiers."""

    def uuid(self) -> str:
        """A new lower-case UUID."""
        ...


class Table(Protocol):
    """One DynamoDB table."""

    def get(self, key: Key) -> Item | None:
        """The item, read strongly."""
        ...

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """Any number of items, read strongly; absent ones are left out, duplicates are one."""
        ...

    def write(self, write: Write) -> Item | None:
        """Carry out one write and return the item as it stands now (None after a Delete).

        Raises ConditionFailed (with the item that stood there) or Throttled.
        """
        ...

    def transact(self, writes: Sequence[Write]) -> None:
        """Carry out all writes or none (1 to 100, each of another item).

        Raises TransactionRefused or Throttled.
        """
        ...

    def query(self, query: Query) -> Page:
        """One page; the table itself is read strongly, an index may lag a moment."""
        ...


class Tables(Protocol):
    """The deployment's three tables, and transactions that span them."""

    @property
    def jobs(self) -> Table: ...

    @property
    def catalog(self) -> Table: ...

    @property
    def capacity(self) -> Table: ...

    def transact(self, writes: Sequence[tuple[TableSchema, Write]]) -> None:
        """Like `Table.transact`, each write in the table of its schema (JOBS, CATALOG, CAPACITY)."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """A message taken from an inbox: `receipt` acknowledges it, `seen` counts its deliveries."""

    body: str
    receipt: str
    seen: int = 1


class Inboxes(Protocol):
    """Standard queues, by URL: at least once, in no order, invisible for a time once taken."""

    def send(self, queue: str, bodies: Sequence[str], delay: int = 0) -> None:
        """Send any number of bodies; `delay` in seconds (0 to 900). Raises Throttled."""
        ...

    def take(self, queue: str, limit: int) -> list[Message]:
        """Up to `limit` messages that are there now; does not wait for more."""
        ...

    def create(self, name: str) -> str:
        """Make sure that an encrypted queue of this name exists (14 days' retention); its URL."""
        ...

    def remove(self, queue: str) -> None:
        """Delete a queue; one that is gone is no error."""
        ...

    def acknowledge(self, queue: str, receipts: Sequence[str]) -> None:
        """Delete messages that were taken; an expired receipt is no error."""
        ...


class Bells(Protocol):
    """The FIFO queue whose messages wake `schedule`, one at a time a cell."""

    def ring(self, cell: str, number: int) -> None:
        """Send one message for `cell`; the same number twice within 5 minutes is one message."""
        ...


class Waits(Protocol):
    """Executions of the `wait` state machine."""

    def start(self, name: str, request: Mapping[str, Any]) -> None:
        """Start one execution; a name that was used before (open or closed) is success."""
        ...

    def succeed(self, token: str) -> None:
        """Answer a task token; one that is answered, expired or unknown is no error."""
        ...

    def fail(self, token: str, error: str, cause: str) -> None:
        """Answer a task token with a named failure; as lenient as `succeed`."""
        ...


@dataclass(frozen=True, slots=True)
class TaskContainer:
    """The job's container inside a task: what ECS reports of it."""

    exit_code: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TaskReport:
    """What ECS says of one task, by event or by DescribeTasks. Times are epoch milliseconds."""

    task: str
    started_by: str
    status: str
    version: int
    container: TaskContainer
    started: int | None = None
    stopped: int | None = None
    stop_code: str | None = None
    stopped_reason: str | None = None
    host: str | None = None
    private_ip: str | None = None


class Tasks(Protocol):
    """ECS in one cluster."""

    def register(self, definition: Mapping[str, Any]) -> str:
        """Register a task definition (RegisterTaskDefinition's request) and return its ARN.

        Raises ClientError with ECS's words when it is refused, Throttled.
        """
        ...

    def deregister(self, definition: str) -> None:
        """Mark a task definition INACTIVE; one that is gone is no error."""
        ...

    def run(self, request: Mapping[str, Any]) -> str:
        """RunTask with the request as frozen (one task); returns the task's ARN.

        Raises TaskConflict, TaskRefused, CapacityUnavailable or Throttled.
        """
        ...

    def stop(self, task: str, reason: str) -> None:
        """Ask ECS to stop a task; one that is stopped or gone is no error."""
        ...

    def describe(self, tasks: Sequence[str]) -> dict[str, TaskReport]:
        """What ECS knows of any number of tasks; those it forgot are left out."""
        ...

    def find(self, started_by: str) -> list[str]:
        """The ARNs of tasks with this `startedBy`, running and stopped."""
        ...

    def listing(self, desired: str, after: str | None = None) -> tuple[list[str], str | None]:
        """One page of task ARNs of the cluster by desired status, and the next cursor."""
        ...


class Blobs(Protocol):
    """Content that is too large for an item."""

    def put(self, key: str, body: bytes) -> None: ...

    def get(self, key: str) -> bytes:
        """Raises KeyError when there is none."""
        ...


class Journal(Protocol):
    """Structured log lines and counts; never fails, never holds secrets."""

    def note(self, event: str, **facts: Any) -> None:
        """One line: what happened, with its job id, attempt and numbers."""
        ...

    def warn(self, event: str, **facts: Any) -> None:
        """The same, for something a person should look at."""
        ...

    def count(self, metric: str, value: int = 1) -> None:
        """Add to a metric of the deployment's namespace."""
        ...


class Ports(Protocol):
    """Every port of one world: AWS, or memory. An adapter may be built when it is first used."""

    @property
    def tables(self) -> Tables: ...

    @property
    def inboxes(self) -> Inboxes: ...

    @property
    def bells(self) -> Bells: ...

    @property
    def waits(self) -> Waits: ...

    @property
    def tasks(self) -> Tasks: ...

    @property
    def blobs(self) -> Blobs: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def ids(self) -> Ids: ...

    @property
    def journal(self) -> Journal: ...
