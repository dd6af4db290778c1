"""A journal that tests can read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journal."""

    level: str  #: INFO or WARNING
    event: str
    facts: dict[str, Any]


class MemoryJournal:
    """`lines` in order, unless `keeps` is false; `counts` by metric."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.counts: Counter[str] = Counter()
        self.keeps = True

    def note(self, event: str, **facts: Any) -> None:
        if self.keeps:
            self.lines.append(Line("INFO", event, facts))

    def warn(self, event: str, **facts: Any) -> None:
        if self.keeps:
            self.lines.append(Line("WARNING", event, facts))

    def count(self, metric: str, value: int = 1) -> None:
        self.counts[metric] += value

    def events(self, event: str) -> list[dict[str, Any]]:
        """The facts of every line about this event."""
        return [line.facts for line in self.lines if line.event == event]
