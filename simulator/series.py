"""How many of something there were, over time."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.workloads.trace import Span

BINS = 500  #: moments that a time is cut into


def averages(spans: Iterable[tuple[Span, float]], end: int) -> list[float]:
    """The mean sum of the weights of all spans that cover each of `BINS` moments from 0 to `end`.

    Spans add to the bins of their ends the part that they cover, and a step between, so that the
    work is a constant a span however long it is.
    """
    width = end / BINS
    part, step = [0.0] * BINS, [0.0] * (BINS + 1)
    for span, weight in spans:
        begin, until = span.begin / width, min(span.end / width, BINS)
        first, last = min(int(begin), BINS - 1), min(int(until), BINS - 1)
        if first == last:
            part[first] += weight * (until - begin)
            continue
        part[first] += weight * (first + 1 - begin)
        part[last] += weight * (until - last)
        step[first + 1] += weight
        step[last] -= weight
    level, found = 0.0, []
    for covered, change in zip(part, step, strict=False):
        level += change
        found.append(max(0.0, level + covered))
    return found
