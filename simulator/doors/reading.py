"""Somebody looks: DescribeJobs, ListJobs and Explain, of jobs, arrays and children, at any moment."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, ClassVar

from lambdas.core.job import Status
from simulator.doors.clients import Pause, Script, api
from simulator.doors.door import MINUTE, Door

_ENDED = ("SUCCEEDED", "FAILED")

#: How jobs ended that one reader saw, in the order of its reading.
Seen = dict[str, str]


class ReadDoor(Door):
    """What was answered is described, what has ended stays so, a list holds each job once, and an
    array's summary accounts for every child."""

    name: ClassVar[str] = "reading"
    files: ClassVar[frozenset[str]] = frozenset(
        {"listing", "children", "jobs", "specs", "explain", "lines", "rooms", "snapshot"}
    )

    def scripts(self) -> Iterator[tuple[int, Script]]:
        for _ in range(2):
            yield self.soon(), self._reads({})

    def broken(self, excused: Collection[str]) -> Iterator[str]:
        return iter(())

    def _reads(self, ended: Seen) -> Script:
        for _ in range(self.draw.randrange(4, 12)):
            yield Pause(self.draw.choice((0, MINUTE // 2, 2 * MINUTE)))
            known = [plan for plan in self.plans.values() if plan.id]
            arrays = [plan for plan in known if plan.size]
            children = [f"{plan.id}:{i}" for plan in arrays for i in range(plan.size)]
            yield from self._describes([*(plan.id for plan in known), *children], ended)
            for plan in arrays[:2]:
                status = self.draw.choice(list(Status)).value
                yield from self._lists({"arrayJobId": plan.id, "jobStatus": status}, status, ended)
            status = self.draw.choice(list(Status)).value
            queue = self.draw.choice(("default", "high"))
            yield from self._lists({"jobQueue": queue, "jobStatus": status}, status, ended)
            yield from self._fronts(queue)

    def _fronts(self, queue: str) -> Script:
        answer = yield api("GetJobQueueSnapshot", {"jobQueue": queue})
        if self.done(answer, "GetJobQueueSnapshot"):
            jobs = [job["jobArn"] for job in answer.value["frontOfQueue"]["jobs"]]
            self.expect(len(jobs) == len(set(jobs)), f"the front of {queue} is {jobs}")

    def _describes(self, jobs: list[str], ended: Seen) -> Script:
        some = self.draw.sample(jobs, min(len(jobs), 20))
        if not some:
            return
        answer = yield api("DescribeJobs", {"jobs": [*some, "no-such-job"]})
        if not self.done(answer, "DescribeJobs"):
            return
        found = {detail["jobId"]: detail for detail in answer.value["jobs"]}
        self.expect(set(found) == set(some), f"asked for {some}, described {sorted(found)}")
        for job, detail in found.items():
            self._saw(job, detail["status"], ended)
            self._adds_up(job, detail)
        yield from self._explains(some[0], found)

    def _explains(self, job: str, described: Collection[str]) -> Script:
        """Whatever a job does, there is a reason for it."""
        if job not in described:
            return
        answer = yield api("Explain", {"jobId": job})
        if self.done(answer, "Explain"):
            self.expect(bool(answer.value["reason"]), f"nothing explains {job}: {answer.value}")

    def _adds_up(self, job: str, detail: dict[str, Any]) -> None:
        """While children move, one may be seen twice or not at all; at the end all are told."""
        whole = detail.get("arrayProperties", {})
        if "statusSummary" in whole and detail["status"] in _ENDED:
            total = sum(whole["statusSummary"].values())
            self.expect(total == whole["size"], f"{job} of {whole['size']} tells of {total}")

    def _lists(self, body: dict[str, Any], status: str, ended: Seen) -> Script:
        seen: list[str] = []
        token: str | None = ""
        while token is not None:
            answer = yield api("ListJobs", {**body, "maxResults": 2, "nextToken": token})
            if not self.done(answer, "ListJobs"):
                return
            page = answer.value["jobSummaryList"]
            seen += [summary["jobId"] for summary in page]
            wrong = [summary for summary in page if summary["status"] != status]
            self.expect(not wrong, f"{body} lists {wrong}")
            for summary in page:
                self._saw(summary["jobId"], summary["status"], ended)
            token = answer.value.get("nextToken")
        if status in _ENDED:
            self.expect(len(seen) == len(set(seen)), f"{body} lists {seen}")

    def _saw(self, job: str, status: str, ended: Seen) -> None:
        before = ended.get(job, status)
        self.expect(before == status, f"job {job} was {before}, and is {status}")
        if status in _ENDED:
            ended[job] = status
