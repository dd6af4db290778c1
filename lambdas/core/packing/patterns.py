"""Pack by patterns: which mixtures of jobs make a full host, and how many of each to buy.

For jobs of few shapes this is the best there is: the linear program of all patterns is solved, its
whole part is launched, and the rest is packed by prices. Shapes that are nearly alike share a row,
and each host is given those of them that keep its memory on the pattern's mark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from lambdas.core.packing.clusters import Cluster, clusters
from lambdas.core.packing.fill import Shape
from lambdas.core.packing.linear import Cover, Pattern
from lambdas.core.packing.model import Hosts, HostType, Need

#: Rows of the linear program, and patterns it may try.
ROWS, PATTERNS = 36, 400
#: Of the largest type, the part that others must have to be in a pattern.
LARGE = 0.4
#: A pattern must be worth so much more than it costs.
BETTER = 1 + 1e-3
#: How a job is weighed when a pattern is sought: the part that its vCPUs count, against its memory.
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
#: Patterns bought at a time, and how often the search may depart from the obvious choice.
AT_A_TIME, DEPARTURES, LOOKS = 4, 3, 14


def by_patterns(
    jobs: Mapping[Shape, int], types: Sequence[HostType]
) -> tuple[list[Hosts], dict[Shape, int]]:
    """Hosts for most of these jobs, each of which fits at least one of the types; and the others."""
    rows = clusters(jobs, ROWS)
    program = _solved(rows, _large(rows, types))
    hosts: list[Hosts] = []
    for pattern, amount in sorted(program.amounts, key=lambda bought: -bought[1]):
        if pattern.host and amount >= 1:
            hosts += _realised(pattern, pattern.host, rows, int(amount + 1e-6))
    left: Counter[Shape] = Counter()
    for row in rows:
        left.update(row.remaining())
    return hosts, dict(left)


def _large(rows: Sequence[Cluster], types: Sequence[HostType]) -> list[HostType]:
    """The largest types, unless a row fits none of them."""
    least = LARGE * max(host.milli_vcpus for host in types)
    large = [host for host in types if host.milli_vcpus >= least]
    fit = all(any(_most(row, host) for host in large) for row in rows)
    return large if fit else list(types)


def _most(row: Cluster, host: HostType) -> int:
    """Jobs of this row alone that one host holds."""
    return min(host.milli_vcpus // row.size, host.memory // row.memory, row.jobs)


def _solved(rows: Sequence[Cluster], types: Sequence[HostType]) -> Cover:
    program = Cover(
        [row.jobs for row in rows], [_alone(at, rows, types) for at in range(len(rows))]
    )
    for departures in range(DEPARTURES + 1):
        search = _Search(rows, types, departures)
        program.solve(search.better, PATTERNS)
    return program


def _alone(at: int, rows: Sequence[Cluster], types: Sequence[HostType]) -> Pattern:
    fit = [(host.price / most, host) for host in types if (most := _most(rows[at], host))]
    host = min(fit, key=lambda found: (found[0], found[1].name))[1]
    return Pattern(host, ((at, _most(rows[at], host)),))


class _Search:
    """Looks for patterns that are worth more than their host costs: a knapsack with two limits."""

    def __init__(self, rows: Sequence[Cluster], types: Sequence[HostType], departures: int) -> None:
        self._types = types
        self._departures = departures
        self._rows = [(row.size, row.memory, row.jobs) for row in rows]
        self._best: tuple[float, tuple[tuple[int, int], ...]] = (0.0, ())

    def better(self, worth: Sequence[float]) -> list[Pattern]:
        found = []
        for host in self._types:
            value, gives = self._fullest(host, worth)
            if value > host.price * BETTER:
                found.append((value / host.price, Pattern(host, gives)))
        found.sort(key=lambda entry: -entry[0])
        return [pattern for _, pattern in found[:AT_A_TIME]]

    def _fullest(
        self, host: HostType, worth: Sequence[float]
    ) -> tuple[float, tuple[tuple[int, int], ...]]:
        """The most that a host can be worth, found greedily by several orders."""
        self._best = (0.0, ())
        for weight in WEIGHTS:
            order = self._order(host, worth, weight)
            if self._departures > 1:
                order = order[:LOOKS]
            self._descend(order, 0, host.milli_vcpus, host.memory, 0.0, (), worth, self._departures)
        return self._best

    def _order(self, host: HostType, worth: Sequence[float], weight: float) -> list[int]:
        """Rows, the most worth for their part of the host first."""
        by_vcpus, by_memory = weight / host.milli_vcpus, (1 - weight) / host.memory
        rows = [at for at, value in enumerate(worth) if value > 0]
        return sorted(
            rows,
            key=lambda at: (
                -worth[at] / (by_vcpus * self._rows[at][0] + by_memory * self._rows[at][1])
            ),
        )

    def _descend(
        self,
        order: Sequence[int],
        at: int,
        vcpus: int,
        memory: int,
        value: float,
        gives: tuple[tuple[int, int], ...],
        worth: Sequence[float],
        departures: int,
    ) -> None:
        """As many as fit of each row in turn; a departure takes one less of a row, or half."""
        for place in range(at, len(order)):
            row = order[place]
            size, mib, jobs = self._rows[row]
            most = min(vcpus // size, memory // mib, jobs)
            if most <= 0:
                continue
            for number in {most - 1, most // 2} if departures else ():
                self._descend(
                    order,
                    place + 1,
                    vcpus - number * size,
                    memory - number * mib,
                    value + number * worth[row],
                    (*gives, (row, number)) if number else gives,
                    worth,
                    departures - 1,
                )
            vcpus, memory = vcpus - most * size, memory - most * mib
            value, gives = value + most * worth[row], (*gives, (row, most))
        if value > self._best[0]:
            self._best = (value, gives)


def _realised(
    pattern: Pattern, host: HostType, rows: Sequence[Cluster], copies: int
) -> Iterator[Hosts]:
    """The pattern's hosts with real jobs on them; equal ones in a row are told as one."""
    last: dict[Need, int] = {}
    count = 0
    for _ in range(copies):
        jobs = dict(_chosen(pattern, host, rows))
        if count and jobs != last:
            yield Hosts(host, last, count)
            count = 0
        if not jobs:
            return
        last, count = jobs, count + 1
    if count:
        yield Hosts(host, last, count)


def _chosen(pattern: Pattern, host: HostType, rows: Sequence[Cluster]) -> Counter[Need]:
    """Jobs of the pattern's rows: where one was above its row's mean, the next makes up for it."""
    vcpus, memory, over = host.milli_vcpus, host.memory, 0
    chosen: Counter[Need] = Counter()
    for row in (rows[at] for at, number in pattern.gives for _ in range(number)):
        mib = row.take(memory, row.memory - over) if row.size <= vcpus else None
        if mib is not None:
            over += mib - row.memory
            vcpus -= row.size
            memory -= mib
            chosen[Need(row.size, mib)] += 1
    return chosen
