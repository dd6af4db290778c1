"""Counts every call an adapter makes, and the DynamoDB units it consumed."""

from __future__ import annotations

from collections.abc import Callable

from lambdas.core.metering import Tally

#: Hears of the units that one key of a table, or of a table's index, was billed.
OfKey = Callable[[str, str, float], None]


class Meter:
    """A running count by service, operation, table and index.

    `on_write` and `on_read` hear of what each key of the memory tables was billed.
    """

    def __init__(self) -> None:
        self.on_write: OfKey | None = None
        self.on_read: OfKey | None = None
        self._rows: dict[tuple[str, str, str, str], list[float]] = {}

    def count(
        self,
        service: str,
        operation: str,
        table: str | None = None,
        index: str | None = None,
        write_units: float = 0.0,
        read_units: float = 0.0,
    ) -> None:
        """One call; with an `index`, one call's part in that index."""
        row = self._rows.setdefault((service, operation, table or "", index or ""), [0, 0.0, 0.0])
        row[0] += 1
        row[1] += write_units
        row[2] += read_units

    def totals(self) -> tuple[Tally, ...]:
        """Everything counted since the start or the last reset, in order."""
        return tuple(
            Tally(*names, int(calls), write, read)
            for names, (calls, write, read) in sorted(self._rows.items())
        )

    def reset(self) -> None:
        self._rows.clear()
