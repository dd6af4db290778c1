"""Which hosts to launch for the jobs that wait, and what runs on each: one pure function.

Room on hosts that are there is used first. For the rest several ways of packing are tried, and the
cheapest is taken: by shadow prices (best for jobs of many shapes), by patterns (best for few
shapes), with smaller hosts where only few are needed. All are deterministic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from lambdas.core.packing.fill import Manner, Shape, fill
from lambdas.core.packing.gpus import with_gpus
from lambdas.core.packing.greedy import by_prices, cheapest
from lambdas.core.packing.model import Hosts, HostType, Need, Packing, Space
from lambdas.core.packing.patterns import by_patterns
from lambdas.core.packing.pool import Pool
from lambdas.core.packing.prices import Market, undominated

#: How hosts are filled: each manner is tried. Of many shapes only a sample is tried in each, and all
#: of them in the one that suits the sample best.
MANNERS = (
    Manner(0.15, hardest_first=True),
    Manner(0.15),
    Manner(0.5),
    Manner(0.8),
)
FEW_SHAPES, SAMPLE = 15_000, 4_000
#: Up to so many of the largest hosts, smaller ones are tried as well, and the search looks further.
FEW_HOSTS = 40
PARTS_OF_LARGEST = (1, 2, 4, 8)
LOOKING_FURTHER = (Manner(0.15, ahead=3), Manner(0.15, hardest_first=True))
#: How often what did not fit within the maximum is tried on smaller hosts.
SMALLER = 4


def pack(
    jobs: Mapping[Need, int],
    types: Sequence[HostType],
    *,
    free: Sequence[Space] = (),
    maximum: int | None = None,
) -> Packing:
    """The cheapest hosts found for these jobs, counted by what they need, the most urgent first.

    `free` is the room on hosts that are there. New hosts have at most `maximum` thousandths of a
    vCPU in all; who finds no room within it is `left`.
    """
    asked = {need: count for need, count in jobs.items() if count > 0}
    onto, rest = _onto(free, asked)
    infeasible = tuple(n for n in rest if not any(host.holds(n) for host in types))
    able = {need: count for need, count in rest.items() if need not in infeasible}
    hosts, left, method = _launched(able, types, maximum)
    return Packing(hosts, onto, left, infeasible, _floor(hosts, types), method)


def floor(jobs: Mapping[Need, int], types: Sequence[HostType]) -> float:
    """What no packing of jobs without GPUs can cost less than: dollars an hour."""
    vcpus = sum(need.milli_vcpus * count for need, count in jobs.items())
    memory = sum(need.memory * count for need, count in jobs.items())
    return Market(types).prices(vcpus, memory).worth(vcpus, memory) if vcpus else 0.0


def _floor(hosts: Sequence[Hosts], types: Sequence[HostType]) -> float:
    jobs: Counter[Need] = Counter()
    for group in hosts:
        for need, count in group.jobs.items():
            jobs[need] += count * group.count
    return 0.0 if any(need.gpus for need in jobs) else floor(jobs, types)


# ── hosts that are there ──────────────────────────────────────────────────────────────────────


def _onto(
    free: Sequence[Space], jobs: Mapping[Need, int]
) -> tuple[dict[str, dict[Need, int]], dict[Need, int]]:
    """Fill the room there is, the fullest host first, so that the emptiest may drain."""
    left = Counter(jobs)
    onto: dict[str, dict[Need, int]] = {}
    for space in sorted(free, key=lambda s: (s.gpus, s.milli_vcpus, s.memory, s.host)):
        content = _into(space, left)
        if content:
            onto[space.host] = content
            left = +(left - Counter(content))
    return onto, {need: left[need] for need in jobs if left[need]}


def _into(space: Space, left: Mapping[Need, int]) -> dict[Need, int]:
    """Jobs for one host's room: those that ask for GPUs first, then as well as the rest fills it."""
    vcpus, memory, gpus = space.milli_vcpus, space.memory, space.gpus
    content: Counter[Need] = Counter()
    for need in sorted(left, key=lambda n: (n.gpus, n.memory, n.milli_vcpus), reverse=True):
        if need.gpus:
            most = min(left[need], vcpus // need.milli_vcpus, memory // need.memory)
            most = min(most, gpus // need.gpus)
            if most > 0:
                content[need] += most
                vcpus, memory = vcpus - most * need.milli_vcpus, memory - most * need.memory
                gpus -= most * need.gpus
    plain = {(n.milli_vcpus, n.memory): count for n, count in left.items() if not n.gpus}
    content.update(Need(*shape) for shape in _filled(plain, vcpus, memory))
    return dict(content)


def _filled(jobs: Mapping[Shape, int], vcpus: int, memory: int) -> list[Shape]:
    """The jobs that fill this room best, the room's own ratio being what its parts are worth."""
    if not jobs or vcpus <= 0 or memory <= 0:
        return []
    room = HostType("", vcpus, memory, 1.0)
    prices = Market([room]).prices(vcpus, memory)
    even = type(prices)(0.5 / vcpus, 0.5 / memory)
    return fill(Pool(jobs), (vcpus, memory), even, Manner(0.5))


# ── new hosts ─────────────────────────────────────────────────────────────────────────────────


def _launched(
    jobs: Mapping[Need, int], types: Sequence[HostType], maximum: int | None
) -> tuple[tuple[Hosts, ...], dict[Need, int], str]:
    """Hosts for all jobs, or for as many as the maximum allows, and the others."""
    if maximum is None:
        hosts, method = _hosts(jobs, types)
        return tuple(hosts), {}, method
    kept: list[Hosts] = []
    left, room, method = dict(jobs), maximum, ""
    for _ in range(SMALLER):
        fitting = [host for host in types if host.milli_vcpus <= room]
        asked = _first(left, fitting, room)
        if not asked:
            break
        hosts, said = _hosts(asked, fitting)
        method = method or said
        for hosts_kept in _within(hosts, room, list(jobs)):
            kept.append(hosts_kept)
            room -= hosts_kept.type.milli_vcpus * hosts_kept.count
            for need, count in hosts_kept.jobs.items():
                left[need] -= count * hosts_kept.count
        left = {need: count for need, count in left.items() if count}
    return tuple(kept), left, method


def _first(jobs: Mapping[Need, int], types: Sequence[HostType], room: int) -> dict[Need, int]:
    """The most urgent jobs that could be held by so many vCPUs."""
    asked = {}
    for need, count in jobs.items():
        most = min(count, room // need.milli_vcpus)
        if most > 0 and any(host.holds(need) for host in types):
            asked[need] = most
            room -= most * need.milli_vcpus
    return asked


def _within(hosts: Sequence[Hosts], room: int, urgency: Sequence[Need]) -> Iterator[Hosts]:
    """Of these hosts as many as have room, those with the most urgent jobs first."""
    rank = {need: at for at, need in enumerate(urgency)}
    for group in sorted(hosts, key=lambda h: min(rank[need] for need in h.jobs)):
        count = min(group.count, room // group.type.milli_vcpus)
        if count > 0:
            room -= count * group.type.milli_vcpus
            yield Hosts(group.type, group.jobs, count)


def _hosts(jobs: Mapping[Need, int], types: Sequence[HostType]) -> tuple[list[Hosts], str]:
    """Hosts for all these jobs, and by which method."""
    accelerated = {need: count for need, count in jobs.items() if need.gpus}
    plain = {need: count for need, count in jobs.items() if not need.gpus}
    hosts = with_gpus(accelerated, [t for t in types if t.gpus]) if accelerated else []
    hosts, plain = _beside(hosts, plain)
    if not plain:
        return hosts, "GPUs first" if accelerated else ""
    shapes = {(need.milli_vcpus, need.memory): count for need, count in plain.items()}
    found = list(_ways(shapes, _for_plain(shapes, types)))
    method, best = min(found, key=lambda way: sum(group.price for group in way[1]))
    return [*hosts, *best], method


def _beside(
    hosts: Sequence[Hosts], jobs: Mapping[Need, int]
) -> tuple[list[Hosts], dict[Need, int]]:
    """Put jobs without GPUs beside those with."""
    left = Counter(jobs)
    filled = []
    for group in hosts:
        used = [(need, count) for need, count in group.jobs.items()]
        vcpus = group.type.milli_vcpus - sum(n.milli_vcpus * count for n, count in used)
        memory = group.type.memory - sum(n.memory * count for n, count in used)
        for _ in range(group.count):
            content = _into(Space("", vcpus, memory), left)
            left = +(left - Counter(content))
            filled.append(Hosts(group.type, {**group.jobs, **content}))
    return filled, {need: left[need] for need in jobs if left[need]}


def _for_plain(shapes: Mapping[Shape, int], types: Sequence[HostType]) -> list[HostType]:
    """Types without GPUs, unless only those with some are large enough."""
    plain = [host for host in types if not host.gpus]
    fit = all(any(host.holds(Need(*shape)) for host in plain) for shape in shapes)
    return undominated(plain if fit else types)


def _ways(
    jobs: Mapping[Shape, int], types: Sequence[HostType]
) -> Iterator[tuple[str, list[Hosts]]]:
    """Every way that is worth its time, with its name."""
    if len(jobs) > FEW_SHAPES:
        manner = _suited(jobs, types)
        yield f"by prices, {manner.told()}", by_prices(jobs, types, manner)
        return
    for manner in MANNERS:
        yield f"by prices, {manner.told()}", by_prices(jobs, types, manner)
    hosts, left = by_patterns(jobs, types)
    yield "by patterns", [*hosts, *by_prices(left, types, MANNERS[1])]
    largest = max(host.milli_vcpus for host in types)
    if sum(size * count for (size, _), count in jobs.items()) <= FEW_HOSTS * largest:
        yield from _few(jobs, types, largest)


def _suited(jobs: Mapping[Shape, int], types: Sequence[HostType]) -> Manner:
    """The manner that packs a sample of these jobs at the lowest price."""
    every = len(jobs) // SAMPLE
    sample = dict(sorted(jobs.items())[::every])
    return min(MANNERS, key=lambda m: sum(h.price for h in by_prices(sample, types, m)))


def _few(
    jobs: Mapping[Shape, int], types: Sequence[HostType], largest: int
) -> Iterator[tuple[str, list[Hosts]]]:
    """Where few hosts are needed, the last of them weighs: look further, and try smaller ones."""
    each = [Hosts(cheapest([job], types), {Need(*job): 1}, count) for job, count in jobs.items()]
    yield "a host for each", each
    for part in PARTS_OF_LARGEST:
        small = [host for host in types if host.milli_vcpus * part <= largest]
        if all(any(host.holds(Need(*shape)) for host in small) for shape in jobs):
            for manner in LOOKING_FURTHER:
                name = f"by prices, {manner.told()}, up to {largest // part // 1000} vCPUs a host"
                yield name, by_prices(jobs, small, manner)
