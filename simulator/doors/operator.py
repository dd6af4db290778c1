"""An operator who takes environments out of service while jobs wait for them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import ClassVar

from simulator.doors.clients import Pause, Script, api
from simulator.doors.door import MINUTE, Door


class OperatorDoor(Door):
    """What waits is told another reason, and goes on when the environments are back."""

    name: ClassVar[str] = "operator"
    files: ClassVar[frozenset[str]] = frozenset({"schedule:Scheduler._hold", "environments"})

    def scripts(self) -> Iterator[tuple[int, Script]]:
        for name in ("fargate", "spot"):
            yield self.draw.randrange(2 * MINUTE), self._switches(name)

    def broken(self, excused: Collection[str]) -> Iterator[str]:
        return iter(())

    def _switches(self, name: str) -> Script:
        for _ in range(self.draw.randrange(1, 4)):
            for state in ("DISABLED", "ENABLED"):
                body = {"computeEnvironment": name, "state": state}
                self.done((yield api("UpdateComputeEnvironment", body)), f"{state} of {name}")
                yield Pause(self.draw.choice((0, 10_000, MINUTE, 4 * MINUTE)))
