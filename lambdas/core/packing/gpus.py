"""Jobs that ask for GPUs: few, dear, and never split. They choose their hosts first.

The largest first, each onto the host type that costs the least for the GPUs it then uses; what is
free beside them is left for jobs without.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from lambdas.core.packing.model import Hosts, HostType, Need


def with_gpus(jobs: Mapping[Need, int], types: Sequence[HostType]) -> list[Hosts]:
    """Hosts for all these jobs, each of which fits at least one of the types."""
    left = Counter(jobs)
    hosts = []
    while left:
        host, content = _best(left, types)
        copies = min(left[need] // count for need, count in content.items())
        for need, count in content.items():
            left[need] -= count * copies
        left = +left
        hosts.append(Hosts(host, content, copies))
    return hosts


def _best(left: Mapping[Need, int], types: Sequence[HostType]) -> tuple[HostType, dict[Need, int]]:
    """The type that gives the most for its price, holding the largest job, and what is on it."""
    fitting = [host for host in types if host.holds(_first(left))]
    filled = [(host, _filled(left, host)) for host in fitting]
    return max(filled, key=lambda pair: (_given(pair[1]) / pair[0].price, -pair[0].price))


def _first(left: Mapping[Need, int]) -> Need:
    """The hardest to place: by GPUs, then memory, then vCPUs."""
    return max(left, key=_hardness)


def _hardness(need: Need) -> tuple[int, int, int]:
    return need.gpus, need.memory, need.milli_vcpus


def _given(content: Mapping[Need, int]) -> int:
    return sum(need.gpus * count for need, count in content.items())


def _filled(left: Mapping[Need, int], host: HostType) -> dict[Need, int]:
    """As many as fit, the hardest first."""
    vcpus, memory, gpus = host.milli_vcpus, host.memory, host.gpus
    content: dict[Need, int] = {}
    for need in sorted(left, key=_hardness, reverse=True):
        most = min(left[need], vcpus // need.milli_vcpus, memory // need.memory, gpus // need.gpus)
        if most > 0:
            content[need] = most
            vcpus -= most * need.milli_vcpus
            memory -= most * need.memory
            gpus -= most * need.gpus
    return content
