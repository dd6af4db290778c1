"""What came of a workload, in numbers: when it ended, how near to the least possible, where it waited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from lambdas.core.fargate import size_for
from simulator.report_cost import Cost, cost_of
from simulator.workloads.model import Job
from simulator.workloads.play import Played
from simulator.workloads.trace import WAITS, Phase, Span, Trace

#: The name of the line that stands for all groups together.
ALL = "all"


@dataclass(frozen=True, slots=True)
class Waited:
    """Waiting of one kind: how many jobs, how long in all, and the median and 95th percentile over
    all jobs of the group, those that did not wait included (seconds)."""

    where: str
    jobs: int
    total_s: float
    median_s: float
    p95_s: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One group of jobs: a workflow, the jobs of a line, or all.

    `least_s` is the least makespan possible: the longer of the critical path (submissions and
    runtimes alone, no start-up, endless capacity) and of all work spread over all capacity.
    """

    name: str
    jobs: int
    succeeded: int
    failed: int
    attempts: int
    makespan_s: float
    critical_path_s: float
    work_vcpu_s: float
    least_s: float
    ratio: float | None  #: makespan ÷ least; None when there was nothing to run
    waiting_s: Waited  #: from being free of dependencies to running, all attempts together
    waits: tuple[Waited, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told of one played workload."""

    vcpus: int
    groups: tuple[Figures, ...]
    total: Figures
    cost: Cost
    violations: tuple[str, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """JSON's shape: seconds and dollars, rounded."""
        told: dict[str, Any] = _rounded(asdict(self))
        return told


def report_of(played: Played) -> Report:
    """Work everything out."""
    ends = _least_ends(played.workload.jobs, played.traces)
    by_group: dict[str, list[int]] = defaultdict(list)
    for place, trace in enumerate(played.traces):
        by_group[trace.job.group].append(place)
    everything = list(range(len(played.traces)))
    return Report(
        vcpus=played.yard.milli_vcpus // 1000,
        groups=tuple(_figures(name, played, found, ends) for name, found in by_group.items()),
        total=_figures(ALL, played, everything, ends),
        cost=cost_of(played),
        violations=played.violations,
        notes=played.workload.notes,
    )


def _figures(name: str, played: Played, places: Sequence[int], ends: Sequence[int]) -> Figures:
    traces = [played.traces[place] for place in places]
    begin = min(trace.submitted for trace in traces)
    makespan = max(last_end(trace) for trace in traces) - begin
    path = max(ends[place] for place in places) - begin
    work = sum(_milli_vcpus(trace.job) * span.length for trace in traces for span in trace.runs)
    least = max(path, work / played.yard.milli_vcpus)
    succeeded = sum(trace.succeeded for trace in traces)
    free = [sum(s.length for s in t.spans if s.phase in _IN_THE_WAY) for t in traces]
    return Figures(
        name=name,
        jobs=len(traces),
        succeeded=succeeded,
        failed=len(traces) - succeeded,
        attempts=sum(len(trace.runs) for trace in traces),
        makespan_s=makespan / 1000,
        critical_path_s=path / 1000,
        work_vcpu_s=work / 1e6,
        least_s=least / 1000,
        ratio=makespan / least if least else None,
        waiting_s=_waited("waiting", free),
        waits=tuple(_waits(traces, played.yard.places[0].name)),
    )


#: What keeps a job that waits for no other from running.
_IN_THE_WAY = frozenset(WAITS) - {Phase.DEPENDENCIES, Phase.ENDING}


def _waits(traces: Sequence[Trace], first_env: str) -> Iterable[Waited]:
    """Every kind of waiting there was; that for capacity by environment."""
    by_where: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    order = {phase.value: number for number, phase in enumerate(WAITS)}
    for place, trace in enumerate(traces):
        for number, span in enumerate(trace.spans):
            if span.phase is Phase.RUNNING:
                continue
            where: str = span.phase.value
            if span.phase is Phase.CAPACITY:
                where += f" of {env_waited_for(trace.spans, number) or first_env}"
            by_where[where][place] += span.length
    for where in sorted(by_where, key=lambda told: (order[told.split(" of ")[0]], told)):
        found = by_where[where]
        yield _waited(where, [found.get(place, 0) for place in range(len(traces))])


def env_waited_for(spans: Sequence[Span], number: int) -> str:
    """The environment that a waiting job got room in at last; "" when it never did."""
    return next((span.env for span in spans[number + 1 :] if span.env), "")


def _waited(where: str, lengths: Sequence[int]) -> Waited:
    ordered = sorted(lengths)
    p95 = ordered[-(-len(ordered) * 95 // 100) - 1]
    jobs = sum(1 for length in ordered if length)
    return Waited(where, jobs, sum(ordered) / 1000, median(ordered) / 1000, p95 / 1000)


def last_end(trace: Trace) -> int:
    """When the job ended, or was last seen to do something (ms)."""
    seen = trace.spans[-1].end if trace.spans else trace.submitted
    return trace.ended if trace.ended is not None else seen


def _least_ends(jobs: Sequence[Job], traces: Sequence[Trace]) -> list[int]:
    """The earliest end of each job if all that takes time were its runs (ms)."""
    ends: list[int] = []
    for job, trace in zip(jobs, traces, strict=True):
        ready = max((ends[parent] for parent in job.parents), default=0)
        ends.append(max(ready, job.submitted) + sum(span.length for span in trace.runs))
    return ends


def _milli_vcpus(job: Job) -> int:
    """What the job takes of its environment: Fargate's size, not what it asked for."""
    size = size_for(job.milli_vcpus, job.memory)
    return size.milli_vcpus if size else job.milli_vcpus


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return value
