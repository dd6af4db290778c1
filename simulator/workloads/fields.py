"""Reading one field of a workload: its value, or one sentence that says where and why not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from simulator.workloads.model import WorkloadError

#: A year: the longest runtime, and the latest submission (seconds).
LONGEST = 366 * 86_400
LONGEST_TEXT = 512
_SHOWN = 60


class Fields:
    """The fields of one JSON object. `where` names its place: "line 3"."""

    def __init__(self, where: str, found: object) -> None:
        if not isinstance(found, dict):
            raise WorkloadError(f"{where}: {shown(found)} is not a JSON object such as {{…}}.")
        self.where = where
        self._found: Mapping[str, Any] = found

    def __contains__(self, name: str) -> bool:
        return self._found.get(name) is not None

    def unknown(self, known: Iterable[str]) -> list[str]:
        """The fields that nobody will read."""
        return sorted(set(self._found) - set(known))

    def refuse(self, name: str, allowed: str) -> WorkloadError:
        """The complaint about this field's value."""
        if name not in self:
            return WorkloadError(f"{self.where}: {name} is missing: {allowed}.")
        return WorkloadError(f"{self.where}: {name} is {shown(self._found[name])}: {allowed}.")

    def text(self, name: str, default: str | None = None) -> str:
        if name not in self and default is not None:
            return default
        value = self._found.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
            raise self.refuse(name, f"a text of 1 to {LONGEST_TEXT} characters is needed")
        return value

    def number(
        self, name: str, least: float, most: float, unit: str = "", default: float | None = None
    ) -> float:
        """A number in these bounds, both allowed."""
        value = self._found.get(name)
        if value is None and default is not None:
            return default
        if not _is_number(value) or not least <= value <= most:
            told = f"a number{unit and ' of ' + unit} from {least:g} to {most:,.10g} is needed"
            raise self.refuse(name, told)
        return float(value)

    def whole(self, name: str, least: int, most: int, default: int | None = None) -> int:
        value = self._found.get(name)
        if value is None and default is not None:
            return default
        if not _is_number(value) or value != int(value) or not least <= value <= most:
            raise self.refuse(name, f"a whole number from {least} to {most:,} is needed")
        return int(value)

    def entries(self, name: str, most: int, default: list[Any] | None = None) -> list[Any]:
        value = self._found.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, list) or len(value) > most:
            raise self.refuse(name, f"a list of at most {most:,} entries is needed")
        return value

    def seconds(self, name: str, default: float | None = None) -> int:
        """A duration given in seconds, in ms."""
        return round(self.number(name, 0, LONGEST, "seconds", default) * 1000)

    def reference(self, name: str) -> str | int:
        """What other entries call this one: a text or a whole number."""
        value = self._found.get(name)
        if not is_reference(value):
            raise self.refuse(name, "a text or a whole number is needed")
        return value

    def references(self, name: str, most: int) -> list[str | int]:
        """A list of such names, without repetitions."""
        values = self.entries(name, most, default=[])
        wrong = next((value for value in values if not is_reference(value)), None)
        if wrong is not None or None in values:
            raise WorkloadError(
                f"{self.where}: {name} holds {shown(wrong)}: texts and whole numbers are allowed."
            )
        return list(dict.fromkeys(values))


def shown(value: object) -> str:
    """A value as a complaint shows it: short, on one line."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def is_reference(value: object) -> TypeGuard[str | int]:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole or (isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT)


def _is_number(value: object) -> TypeGuard[int | float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)
