"""A workload: jobs that know when they come, what they need, what they wait for and how they go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

#: Bounds of one workload; beyond them a mistake is likelier than a wish.
MOST_JOBS = 1_000_000
MOST_EDGES = 5_000_000


class WorkloadError(Exception):
    """What is wrong with a workload, in one sentence for whoever wrote it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt goes: how long its container runs (ms), and how it exits."""

    runs: int
    exit_code: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job. Its n-th attempt goes as the n-th of `goes`; later ones as the last."""

    name: str
    group: str  #: its workflow, or the name that it shares with the other jobs of its line
    kind: str  #: jobs of one kind lie together in a picture
    submitted: int  #: ms after the beginning
    goes: tuple[Attempt, ...]
    milli_vcpus: int
    memory: int  #: MiB
    parents: tuple[int, ...] = ()  #: places of the jobs it waits for; all before its own
    attempts: int = 1  #: how many its retry strategy allows
    timeout: int | None = None  #: seconds an attempt may run
    queue: str = "default"

    def goes_at(self, attempt: int) -> Attempt:
        """How this attempt goes; they are numbered from 1."""
        return self.goes[min(attempt, len(self.goes)) - 1]


@dataclass(frozen=True, slots=True)
class Workload:
    """Jobs, each behind those it waits for; and what a reader should know of how it was read."""

    jobs: tuple[Job, ...]
    notes: tuple[str, ...] = ()

    @property
    def queues(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(job.queue for job in self.jobs))

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(job.group for job in self.jobs))


@dataclass(slots=True)
class Draft:
    """A job as it was read: its parents are places in the list of drafts, in any order."""

    job: Job
    parents: list[int] = field(default_factory=list)
    where: str = ""  #: for complaints: "line 3", "line 3, task 7"


def ordered(drafts: Sequence[Draft]) -> tuple[Job, ...]:
    """The jobs, each behind its parents and otherwise as they came.

    Raises WorkloadError when jobs wait for each other in a circle.
    """
    places: dict[int, int] = {}
    jobs: list[Job] = []
    for number in _topological(drafts):
        parents = tuple(sorted(places[parent] for parent in drafts[number].parents))
        places[number] = len(jobs)
        jobs.append(replace(drafts[number].job, parents=parents))
    return tuple(jobs)


def _topological(drafts: Sequence[Draft]) -> Iterable[int]:
    """The drafts' numbers, parents first; a depth-first walk without recursion."""
    state = bytearray(len(drafts))  # 0: not seen, 1: below us on the path, 2: done
    order: list[int] = []
    for first in range(len(drafts)):
        path = [] if state[first] else [(first, iter(drafts[first].parents))]
        while path:
            number, parents = path[-1]
            state[number] = 1
            parent = next((p for p in parents if state[p] != 2), None)
            if parent is None:
                state[number] = 2
                order.append(number)
                path.pop()
            elif state[parent] == 1:
                raise _circle(drafts, [n for n, _ in path], parent)
            else:
                path.append((parent, iter(drafts[parent].parents)))
    return order


def _circle(drafts: Sequence[Draft], path: list[int], again: int) -> WorkloadError:
    members = [*path[path.index(again) :], again]
    names = [drafts[number].job.name for number in members]
    shown = [*names[:4], "…", names[-1]] if len(names) > 6 else names
    return WorkloadError(
        f"{drafts[again].where}: the jobs {' → '.join(shown)} wait for each other in a circle."
    )
