"""SQS standard queues in memory: visibility by the clock, delays, redelivery."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from lambdas.adapters.limits import check_messages
from lambdas.adapters.meter import Meter
from lambdas.core.errors import UnknownResource
from lambdas.core.inbox import BATCH, RETENTION_SECONDS, VISIBILITY_SECONDS
from lambdas.core.ports import Clock, Message

URL = "memory://queue/"


@dataclass(slots=True)
class _Held:
    body: str
    number: int
    sent: int
    seen: int = 0
    gone: bool = False

    @property
    def receipt(self) -> str:
        return f"{self.number}-{self.seen}"


@dataclass(slots=True)
class _Queue:
    ready: deque[_Held] = field(default_factory=deque)
    later: list[tuple[int, int, _Held]] = field(default_factory=list)  #: visible at, number
    taken: dict[str, _Held] = field(default_factory=dict)

    def wake(self, now: int) -> None:
        """Messages whose delay or time-out has passed can be taken (again)."""
        while self.later and self.later[0][0] <= now:
            held = heappop(self.later)[2]
            self.taken.pop(held.receipt, None)
            if not held.gone:
                self.ready.append(held)


class MemoryInboxes:
    """Any number of queues, by URL. A queue is made by `create`.

    `on_sent` hears of every send: the queue, and when its messages can be taken. `hidden` holds the
    visibility time-outs (ms) of queues that have another than `visibility` (seconds).
    """

    def __init__(
        self, clock: Clock, meter: Meter | None = None, visibility: int = VISIBILITY_SECONDS
    ) -> None:
        self._clock = clock
        self._meter = meter
        self._visibility = visibility * 1000
        self._queues: dict[str, _Queue] = {}
        self._sent = 0
        self.hidden: dict[str, int] = {}
        self.on_sent: Callable[[str, int], None] = lambda _queue, _at: None

    def send(self, queue: str, bodies: Sequence[str], delay: int = 0) -> None:
        check_messages(bodies, delay)
        held = self._queue(queue)
        now = self._clock.now()
        for body in bodies:
            self._sent += 1
            message = _Held(body, self._sent, now)
            if delay:
                heappush(held.later, (now + delay * 1000, self._sent, message))
            else:
                held.ready.append(message)
        self._count("SendMessageBatch", len(bodies))
        if bodies:
            self.on_sent(queue, now + delay * 1000)

    def take(self, queue: str, limit: int) -> list[Message]:
        messages = self.deliver(queue, limit)
        self._count("ReceiveMessage", len(messages) + 1)
        return messages

    def create(self, name: str) -> str:
        self._queues.setdefault(URL + name, _Queue())
        self._count("CreateQueue", 1)
        return URL + name

    def remove(self, queue: str) -> None:
        self._queues.pop(queue, None)
        self._count("DeleteQueue", 1)

    def acknowledge(self, queue: str, receipts: Sequence[str]) -> None:
        self.discard(queue, receipts)
        self._count("DeleteMessageBatch", len(receipts))

    # ── what only memory has ──────────────────────────────────────────────────────────────────

    def deliver(self, queue: str, limit: int) -> list[Message]:
        """`take` for an event source mapping, whose calls nobody of ours makes."""
        held = self._queue(queue)
        now = self._clock.now()
        held.wake(now)
        messages: list[Message] = []
        while held.ready and len(messages) < limit:
            message = held.ready.popleft()
            if now - message.sent > RETENTION_SECONDS * 1000:
                continue
            message.seen += 1
            held.taken[message.receipt] = message
            heappush(held.later, (now + self.visibility(queue), message.number, message))
            messages.append(Message(message.body, message.receipt, message.seen))
        return messages

    def discard(self, queue: str, receipts: Sequence[str]) -> None:
        """`acknowledge` for an event source mapping."""
        held = self._queue(queue)
        held.wake(self._clock.now())
        for receipt in receipts:
            message = held.taken.pop(receipt, None)
            if message is not None:
                message.gone = True

    def visibility(self, queue: str) -> int:
        """How long (ms) a message of this queue is hidden once it was taken."""
        return self.hidden.get(queue, self._visibility)

    @property
    def queues(self) -> tuple[str, ...]:
        """The URLs of every queue there is."""
        return tuple(self._queues)

    def depth(self, queue: str) -> int:
        """Messages in the queue: waiting, delayed or taken and not acknowledged."""
        held = self._queue(queue)
        return len(held.ready) + sum(not entry[2].gone for entry in held.later)

    def _queue(self, url: str) -> _Queue:
        if url not in self._queues:
            raise UnknownResource(f"SQS queue {url} does not exist.")
        return self._queues[url]

    def _count(self, operation: str, messages: int) -> None:
        if self._meter:
            for _ in range(-(-messages // BATCH)):
                self._meter.count("sqs", operation)
