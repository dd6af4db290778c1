"""What the agent asks of a way to run containers; `process` and `docker` answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from local.agent.orders import Container

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
KILLED = 137  #: 128 + SIGKILL


class CannotStart(Exception):
    """The container cannot be started; the message is ECS's reason."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a container ended. `peak` is its largest memory use in bytes, where it is known."""

    exit_code: int | None
    reason: str | None = None
    peak: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container has used: memory now and at most (bytes), processor time (nanoseconds)."""

    memory: int = 0
    peak: int = 0
    cpu: int = 0


class Running(Protocol):
    """One started container."""

    @property
    def id(self) -> str:
        """The runtime's own name of it."""
        ...

    @property
    def handle(self) -> Mapping[str, Any]:
        """All that a later agent needs to end it (`Runtime.end`), as JSON."""
        ...

    def wait(self) -> Outcome:
        """Block until nothing of the container is left."""
        ...

    def terminate(self) -> None:
        """Send SIGTERM to its first process; none when it is gone."""
        ...

    def kill(self) -> None:
        """Kill all of it, descendants that left its session included."""
        ...

    def usage(self) -> Usage:
        """What it has used so far; zeroes when that cannot be known."""
        ...


class Runtime(Protocol):
    """A way to run containers."""

    name: str
    why: str  #: one sentence for a person: what runs the containers, and what it cannot do

    def prepare(self, container: Container) -> None:
        """Fetch what starting takes time for (an image). Raises CannotStart."""
        ...

    def start(self, container: Container, output: int, work: Path) -> Running:
        """Start a container whose stdout and stderr go to the file descriptor `output`.

        `container.environment` is complete. `work` is a directory of its own that exists,
        named after the task's id. `output` stays the caller's, which closes its copy. Raises CannotStart.
        """
        ...

    def end(self, task: str, handle: Mapping[str, Any] | None) -> None:
        """End what an earlier agent left of the task with this id; nothing left is no error.

        `handle` is None when that agent had not yet written down what it started.
        """
        ...
