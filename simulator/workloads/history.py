"""The history of a deployed platform, as the lines of a workload file.

Everything is learnt through the AWS Batch API: ListJobs and DescribeJobs, in pages. A job comes
back as it went: when it was submitted, what it asked for, whom it waited for, and how long each
of its attempts ran and how it exited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from simulator.workloads.model import MOST_JOBS, WorkloadError

STATUSES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
PAGE = 100

Detail = Mapping[str, Any]


class BatchClient(Protocol):
    """What is asked of a client of the AWS Batch API; boto3's is one."""

    def list_jobs(self, **asked: Any) -> Any: ...

    def describe_jobs(self, **asked: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class History:
    """Lines of a workload file, the oldest job first; and how many jobs were left out, and why."""

    lines: tuple[dict[str, Any], ...]
    left_out: Mapping[str, int]


def read_history(client: BatchClient, queues: Sequence[str], since: int) -> History:
    """All that was submitted to these queues since then (epoch ms).

    Raises WorkloadError when that is too much, and whatever the client raises.
    """
    teller = _Teller()
    for queue in queues:
        asked = {"filters": [{"name": "AFTER_CREATED_AT", "values": [str(max(0, since - 1))]}]}
        found = [job["jobId"] for job in _pages(client, jobQueue=queue, **asked)]
        for detail in _details(client, found):
            teller.add(detail)
    for array in teller.arrays:
        found = [
            job["jobId"]
            for status in STATUSES
            for job in _pages(client, arrayJobId=array, jobStatus=status)
        ]
        for detail in _details(client, found):
            teller.add_child(array, detail)
    return teller.history()


def _pages(client: BatchClient, **asked: Any) -> Iterator[Any]:
    """Every job summary of a listing."""
    while True:
        answer = client.list_jobs(**asked)
        yield from answer["jobSummaryList"]
        token = answer.get("nextToken")
        if not token:
            return
        asked["nextToken"] = token


def _details(client: BatchClient, jobs: Sequence[str]) -> Iterator[Detail]:
    for start in range(0, len(jobs), PAGE):
        yield from client.describe_jobs(jobs=jobs[start : start + PAGE])["jobs"]


@dataclass(slots=True)
class _Teller:
    """What was learnt so far."""

    jobs: dict[str, Detail] = field(default_factory=dict)  #: that may become lines, by id
    arrays: dict[str, Detail] = field(default_factory=dict)  #: parents, by id
    children: dict[str, dict[int, str]] = field(default_factory=dict)  #: by array and index
    left_out: Counter[str] = field(default_factory=Counter)

    def add(self, detail: Detail) -> None:
        if detail.get("arrayProperties", {}).get("size"):
            self.arrays[detail["jobId"]] = detail
            self.children[detail["jobId"]] = {}
        else:
            self._keep(detail)

    def add_child(self, array: str, detail: Detail) -> None:
        """A child waited for what its array waited for, and was submitted with it."""
        parent = self.arrays[array]
        index = detail["arrayProperties"]["index"]
        self.children[array][index] = detail["jobId"]
        waits = [self._of_child(wait, array, index) for wait in parent.get("dependsOn", ())]
        self._keep({**detail, "createdAt": parent["createdAt"], "dependsOn": waits})

    def history(self) -> History:
        told = sorted(self.jobs.values(), key=lambda job: (job["createdAt"], job["jobId"]))
        begin = told[0]["createdAt"] if told else 0
        return History(tuple(self._line(job, begin) for job in told), dict(self.left_out))

    def _keep(self, detail: Detail) -> None:
        if detail["status"] not in ("SUCCEEDED", "FAILED"):
            self.left_out["have not ended"] += 1
        elif not detail.get("attempts"):
            self.left_out["ended without ever running"] += 1
        else:
            self.jobs[detail["jobId"]] = detail
        if len(self.jobs) > MOST_JOBS:
            raise WorkloadError(f"There are more than {MOST_JOBS:,} jobs: say a later --since.")

    def _of_child(self, wait: Mapping[str, str], array: str, index: int) -> dict[str, str]:
        """What a child waits for when its array waits for this."""
        if wait.get("type") == "SEQUENTIAL":
            return {"jobId": f"{array}:{index - 1}"}
        if wait.get("type") == "N_TO_N":
            return {"jobId": f"{wait['jobId']}:{index}"}
        return {"jobId": wait["jobId"]}

    def _line(self, job: Detail, begin: int) -> dict[str, Any]:
        size = {r["type"]: r["value"] for r in job["container"]["resourceRequirements"]}
        goes = [_attempt(attempt) for attempt in job["attempts"]]
        line: dict[str, Any] = {
            "job": job["jobName"],
            "id": job["jobId"],
            "submit_s": (job["createdAt"] - begin) / 1000,
            "cores": float(size["VCPU"]),
            "memory_mib": int(size["MEMORY"]),
            "attempts": len(goes),
            "goes": goes,
            "queue": job["jobQueue"].rpartition("/")[2],
        }
        if after := list(self._after(job)):
            line["after"] = after
        if timeout := job.get("timeout", {}).get("attemptDurationSeconds"):
            line["timeout_s"] = timeout
        return line

    def _after(self, job: Detail) -> Iterable[str]:
        """Those it waited for, as far as they are told: an array stands for all its children."""
        for wait in job.get("dependsOn", ()):
            named = wait["jobId"].rpartition("/")[2]
            children = self.children.get(named)
            for known in children.values() if children is not None else (named,):
                if known in self.jobs:
                    yield known


def _attempt(attempt: Mapping[str, Any]) -> dict[str, Any]:
    """How long an attempt ran and how it exited; one that never started ran for no time."""
    stopped = attempt.get("stoppedAt", 0)
    runs = max(0, stopped - attempt.get("startedAt", stopped))
    return {"runtime_s": runs / 1000, "exit_code": attempt["container"].get("exitCode", 1)}
