"""A container's output on its way to CloudWatch Logs: lines, batches, nothing lost.

One thread a container reads the pipe and sends; while it sends it does not read, so a container
that prints faster than the service takes waits, and memory stays bounded.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

MAX_EVENT = 262_118  #: bytes: CloudWatch Logs' 256 KiB less its 26 bytes an event
MAX_BATCH = 1_000_000  #: bytes, 26 an event included (the service's limit is 1,048,576)
MAX_EVENTS = 10_000
OVERHEAD = 26
SEND_AFTER = 0.3  #: seconds a line may wait for company
CUT_AFTER = 1.0  #: seconds after which a line without an end is sent as it is
READ = 65_536
PATIENCE = 60.0  #: seconds until lines that nobody takes are given up

Event = tuple[int, str]  #: epoch milliseconds and one line


class Sink(Protocol):
    """Where lines go, in order."""

    def put(self, events: Sequence[Event]) -> None:
        """Take over one batch; returns when it is delivered, or given up with a printed word."""
        ...


class Lines:
    """Bytes in, lines out; too long a line is split between characters."""

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._rest = b""

    @property
    def waiting(self) -> bool:
        return bool(self._rest)

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete now. Bytes that are not UTF-8 become U+FFFD."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        found = [piece for line in whole for piece in self._pieces(line)]
        if len(self._rest) > self._limit:
            *cut, self._rest = self._split(self._rest)
            found += [piece for part in cut for piece in self._pieces(part)]
        return found

    def flush(self) -> list[str]:
        """What is there of a line that has no end."""
        rest, self._rest = self._rest, b""
        return self._pieces(rest)

    def _pieces(self, line: bytes) -> list[str]:
        """An empty line is none: CloudWatch Logs takes no empty message."""
        valid = line.removesuffix(b"\r").decode(errors="replace").encode()
        return [piece.decode() for piece in self._split(valid)] if valid else []

    def _split(self, line: bytes) -> list[bytes]:
        """Parts no longer than the limit; UTF-8 is cut between characters."""
        parts = []
        while len(line) > self._limit:
            cut = self._limit
            while cut > self._limit - 4 and line[cut] & 0xC0 == 0x80:
                cut -= 1
            parts.append(line[:cut])
            line = line[cut:]
        return [*parts, line]


class Pump:
    """Carries one pipe to one sink until the pipe's end."""

    def __init__(
        self, source: int, sink: Sink, now: Callable[[], float] = time.time, limit: int = MAX_EVENT
    ) -> None:
        self._source = source
        self._sink = sink
        self._now = now
        self._lines = Lines(limit)
        self._batch: list[Event] = []
        self._size = 0
        self._oldest = 0.0
        self._read = 0.0

    def run(self) -> None:
        """Read until end of file, then send what is left."""
        while True:
            ready, _, _ = select.select([self._source], [], [], SEND_AFTER / 3)
            if ready:
                data = os.read(self._source, READ)
                if not data:
                    break
                self._read = self._now()
                self._add(self._lines.feed(data))
            elif self._lines.waiting and self._now() - self._read > CUT_AFTER:
                self._add(self._lines.flush())
            if self._batch and self._now() - self._oldest > SEND_AFTER:
                self._send()
        self._add(self._lines.flush())
        self._send()

    def _add(self, lines: list[str]) -> None:
        for line in lines:
            size = len(line.encode()) + OVERHEAD
            if self._size + size > MAX_BATCH or len(self._batch) >= MAX_EVENTS:
                self._send()
            now = self._now()
            if not self._batch:
                self._oldest = now
            earliest = self._batch[-1][0] if self._batch else 0
            self._batch.append((max(int(now * 1000), earliest), line))
            self._size += size

    def _send(self) -> None:
        batch, self._batch, self._size = self._batch, [], 0
        if batch:
            self._sink.put(batch)


class Nowhere:
    """The sink of a container without a log configuration."""

    def put(self, events: Sequence[Event]) -> None:
        """Nothing is kept."""


class CloudWatch:
    """One log stream. Group and stream are made when the first line needs them.

    What cannot be delivered is tried again for `patience` seconds: longer than a restart takes.
    """

    def __init__(self, logs: Any, group: str, stream: str, patience: float = PATIENCE) -> None:
        self._logs = logs
        self._patience = patience
        self._group = group
        self._stream = stream
        self._ready = False

    def open(self) -> None:
        """Make sure that group and stream are there."""
        for make, names in (
            (self._logs.create_log_group, {"logGroupName": self._group}),
            (
                self._logs.create_log_stream,
                {"logGroupName": self._group, "logStreamName": self._stream},
            ),
        ):
            try:
                make(**names)
            except self._logs.exceptions.ResourceAlreadyExistsException:
                continue
        self._ready = True

    def put(self, events: Sequence[Event]) -> None:
        patient_until, pause = time.monotonic() + self._patience, 0.1
        while True:
            try:
                self._put(events)
                return
            except Exception as error:
                self._ready = False
                if time.monotonic() > patient_until:
                    print(f"{len(events)} lines of {self._stream} were lost: {error}", flush=True)
                    return
                time.sleep(pause)
                pause = min(2 * pause, 3.0)

    def _put(self, events: Sequence[Event]) -> None:
        if not self._ready:
            self.open()
        self._logs.put_log_events(
            logGroupName=self._group,
            logStreamName=self._stream,
            logEvents=[{"timestamp": at, "message": line} for at, line in events],
        )
