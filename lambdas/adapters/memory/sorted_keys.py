"""A sorted collection of tuples that stays fast with a million of them, out of lists and bisect."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from typing import Any

_LOAD = 512

Entry = tuple[Any, ...]


class SortedKeys:
    """Distinct tuples in order, in chunks so that an insertion moves little memory."""

    __slots__ = ("_chunks", "_maxes")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        ordered = sorted(entries)
        self._chunks = [ordered[i : i + _LOAD] for i in range(0, len(ordered), _LOAD)]
        self._maxes = [chunk[-1] for chunk in self._chunks]

    def add(self, entry: Entry) -> None:
        if not self._chunks:
            self._chunks, self._maxes = [[entry]], [entry]
            return
        at = bisect_left(self._maxes, entry)
        if at == len(self._maxes):
            at -= 1
            self._chunks[at].append(entry)
            self._maxes[at] = entry
        else:
            insort(self._chunks[at], entry)
        if len(self._chunks[at]) > 2 * _LOAD:
            self._split(at)

    def remove(self, entry: Entry) -> None:
        """The entry must be there."""
        at = bisect_left(self._maxes, entry)
        chunk = self._chunks[at]
        del chunk[bisect_left(chunk, entry)]
        if chunk:
            self._maxes[at] = chunk[-1]
        else:
            del self._chunks[at], self._maxes[at]

    def _split(self, at: int) -> None:
        chunk = self._chunks[at]
        self._chunks.insert(at + 1, chunk[_LOAD:])
        del chunk[_LOAD:]
        self._maxes.insert(at, chunk[-1])

    def between(
        self, start: Entry | None, stop: Entry | None, descending: bool = False
    ) -> Iterator[Entry]:
        """Entries with start ≤ entry < stop (None: no bound). Nothing may change while it runs."""
        return self._down(start, stop) if descending else self._up(start, stop)

    def _up(self, start: Entry | None, stop: Entry | None) -> Iterator[Entry]:
        at = bisect_left(self._maxes, start) if start is not None else 0
        for number in range(at, len(self._chunks)):
            chunk = self._chunks[number]
            first = bisect_left(chunk, start) if start is not None and number == at else 0
            for position in range(first, len(chunk)):
                if stop is not None and chunk[position] >= stop:
                    return
                yield chunk[position]

    def _down(self, start: Entry | None, stop: Entry | None) -> Iterator[Entry]:
        last = len(self._chunks) - 1
        at = min(bisect_right(self._maxes, stop), last) if stop is not None else last
        for number in range(at, -1, -1):
            chunk = self._chunks[number]
            end = bisect_left(chunk, stop) if stop is not None and number == at else len(chunk)
            for position in range(end - 1, -1, -1):
                if start is not None and chunk[position] < start:
                    return
                yield chunk[position]
