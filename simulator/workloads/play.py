"""Playing a workload: every job submitted, scheduled, launched and ended by the production services."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lambdas.adapters.meter import Meter
from lambdas.core.errors import ApiError
from lambdas.core.metering import Tally
from simulator.checks import violations
from simulator.fargate import Outcome
from simulator.latencies import REALISTIC
from simulator.workloads.model import Job, Workload, WorkloadError
from simulator.workloads.trace import Recorder, Trace
from simulator.workloads.yard import Yard
from simulator.world import World

#: Minutes that are let pass between two looks at whether all is over.
LOOK = 10
#: A workload that has made no job end in so long will not end (minutes).
PATIENCE = 20 * 24 * 60


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a workload, and what the control plane did for it."""

    workload: Workload
    yard: Yard
    traces: tuple[Trace, ...]
    tallies: tuple[Tally, ...]
    executions: int  #: of the `wait` state machine
    violations: tuple[str, ...]


def play(workload: Workload, yard: Yard) -> Played:
    """Let the workload happen in virtual time. Raises WorkloadError when a job is refused."""
    stage = _Stage(workload, yard)
    stage.run()
    return stage.played()


class _Stage:
    """One world, and the jobs that were submitted to it so far."""

    def __init__(self, workload: Workload, yard: Yard) -> None:
        self._workload = workload
        self._yard = yard
        self._jobs = workload.jobs
        self._ids: dict[int, str] = {}
        self._world = self._deployed()
        self._recorder = Recorder(self._jobs, self._world.clock)
        self._world.functions.observers.append(self._recorder)

    def run(self) -> None:
        """Submit every job when its time has come, and let time pass until all have ended."""
        begin = self._world.clock.now()
        for when, places in self._moments().items():
            self._world.at(begin + when, lambda places=places: self._submit(places))  # type: ignore[misc]
        idle, before = 0, -1
        while len(self._ids) < len(self._jobs) or self._recorder.unended:
            self._world.run(LOOK)
            ended = len(self._recorder.traces) - self._recorder.unended
            idle = 0 if ended != before else idle + LOOK
            before = ended
            if idle > PATIENCE:
                return

    def played(self) -> Played:
        recorder = self._recorder
        traces = tuple(recorder.traces[place] for place in sorted(recorder.traces))
        wrong = [*recorder.broken, *violations(self._world)]
        wrong += [f"I3: {trace.job.name} has not ended" for trace in traces if trace.ended is None]
        tallies, executions = self._world.meter.totals(), len(self._world.waits.started)
        return Played(self._workload, self._yard, traces, tallies, executions, tuple(wrong))

    def _deployed(self) -> World:
        yard = self._yard
        tempo = replace(REALISTIC, start=round(yard.start_up * 1000))
        world = World(self._outcome, yard.seed, Meter(), latencies=tempo)
        world.settings = replace(world.settings, launch_rate=yard.launch_rate)
        for place in yard.places:
            world.environment(place.name, place.vcpus, place.kind)
        priorities = dict(yard.priorities)
        for queue in self._workload.queues:
            world.queue(queue, priorities.get(queue, 50), *(place.name for place in yard.places))
        world.definition()
        world.meter.reset()
        return world

    def _outcome(self, name: str, attempt: int) -> Outcome:
        goes = self._jobs[int(name.removeprefix("job-"))].goes_at(attempt)
        return Outcome(goes.runs, goes.exit_code)

    def _moments(self) -> dict[int, list[int]]:
        """Who is submitted when: no job before those it waits for, for they have no id yet."""
        moments: dict[int, list[int]] = defaultdict(list)
        times: list[int] = []
        for place, job in enumerate(self._jobs):
            times.append(max((times[parent] for parent in job.parents), default=0))
            times[place] = max(times[place], job.submitted)
            moments[times[place]].append(place)
        return moments

    def _submit(self, places: list[int]) -> None:
        for place in places:
            job = self._jobs[place]
            try:
                self._ids[place] = self._world.submit(f"job-{place}", **self._request(job))
            except ApiError as refused:
                told = f"{job.name} of {job.group}" if job.name != job.group else job.name
                raise WorkloadError(f"{told} is refused: {refused.message}") from None

    def _request(self, job: Job) -> Mapping[str, Any]:
        size = [
            {"type": "VCPU", "value": f"{job.milli_vcpus / 1000:.3f}"},
            {"type": "MEMORY", "value": str(job.memory)},
        ]
        request: dict[str, Any] = {
            "jobQueue": job.queue,
            "containerOverrides": {"resourceRequirements": size},
            "retryStrategy": {"attempts": job.attempts},
        }
        if job.parents:
            request["dependsOn"] = [{"jobId": self._ids[parent]} for parent in job.parents]
        if job.timeout:
            request["timeout"] = {"attemptDurationSeconds": job.timeout}
        return request
