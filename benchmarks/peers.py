"""Other ways to pack, for comparison: what they would launch for the same jobs, and its price."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lambdas.core.packing import HostType, Need


def one_for_each(jobs: Mapping[Need, int], types: Sequence[HostType]) -> float:
    """Each job on the cheapest host that holds it: dollars an hour."""
    return sum(
        count * min(host.price for host in types if host.holds(need))
        for need, count in jobs.items()
    )


@dataclass(slots=True)
class _Node:
    """A host to be: what it has to hold, and the types that still can."""

    number: int
    types: list[HostType]
    milli_vcpus: int = 0
    memory: int = 0
    gpus: int = 0
    pods: int = 0
    most: tuple[int, int, int] = field(default=(0, 0, 0))

    def __lt__(self, other: _Node) -> bool:
        return (self.pods, self.number) < (other.pods, other.number)

    def add(self, need: Need) -> bool:
        """Take one more, and drop the types that cannot; False when none could."""
        asked = Need(
            self.milli_vcpus + need.milli_vcpus, self.memory + need.memory, self.gpus + need.gpus
        )
        if self.pods and any(a > m for a, m in zip(asked, self.most, strict=True)):
            return False
        fit = [host for host in self.types if host.holds(asked)]
        if not fit:
            return False
        self.types, self.pods = fit, self.pods + 1
        self.milli_vcpus, self.memory, self.gpus = asked
        self.most = (
            max(host.milli_vcpus for host in fit),
            max(host.memory for host in fit),
            max(host.gpus for host in fit),
        )
        return True


def karpenter_like(jobs: Mapping[Need, int], types: Sequence[HostType]) -> float:
    """First fit decreasing as Karpenter does it: the largest first, onto the node in flight with
    the fewest pods, its types narrowed until none fits, and the cheapest left at the end."""
    nodes: list[_Node] = []
    for need in _one_by_one(jobs):
        for at, node in enumerate(nodes):
            if node.add(need):
                insort(nodes, nodes.pop(at))
                break
        else:
            node = _Node(len(nodes), list(types))
            node.add(need)
            insort(nodes, node)
    return sum(min(host.price for host in node.types) for node in nodes)


def _one_by_one(jobs: Mapping[Need, int]) -> Iterator[Need]:
    for need in sorted(jobs, key=lambda n: (n.milli_vcpus, n.memory), reverse=True):
        yield from (need for _ in range(jobs[need]))
