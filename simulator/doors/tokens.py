"""Submissions that overlap with their own repetition: one client token makes one job."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import ClassVar

from lambdas.core.errors import TokenReused
from simulator.doors.clients import Script, api
from simulator.doors.door import Door, submission

#: No override holds it: a task definition of its own, the same for all.
_LONG = [{"name": "LONG", "value": "y" * 9000}]


class TokenDoor(Door):
    """An SDK that gave up on an answer asks again while the first call is at work; and somebody
    uses the same token for another request."""

    name: ClassVar[str] = "tokens"
    files: ClassVar[frozenset[str]] = frozenset({"submit", "specs", "task_definitions"})

    def scripts(self) -> Iterator[tuple[int, Script]]:
        self.made: dict[str, dict[str, str]] = {}  #: of each token: the job of each request
        for number in range(self.draw.randrange(1, 4)):
            begin, token = self.soon(), f"token-{number}"
            self.made[token] = {}
            for request in ("a", "a", *self.draw.choice(((), ("b",), ("b", "b")))):
                yield begin, self._submits(token, request)

    def broken(self, excused: Collection[str]) -> Iterator[str]:
        yield from self.ended_well(excused)
        names = [item["name"] for item in self.world.tables.jobs.scan() if item["sk"] == "STATE"]
        for token, made in self.made.items():
            jobs = [name for name in names if name.startswith(f"{token}-")]
            if len(jobs) != 1 or len(made) != 1:
                yield f"I9: tokens: {token} made {jobs}, and {made} were answered"

    def _submits(self, token: str, request: str) -> Script:
        name = f"{token}-{request}"
        body = submission(name, containerOverrides={"environment": _LONG})
        answer = yield api("SubmitJob", body, token=token)
        made = self.made[token]
        if answer.refusal is None:
            job = answer.value["jobId"]
            self.expect(made.get(request, job) == job, f"{token} made {made} and {job}")
            made[request] = self.jobs[name] = job
            answer = yield api("DescribeJobs", {"jobs": [job]})
            known = [detail["jobName"] for detail in answer.value["jobs"]]
            self.expect(known == [name], f"job {job} was answered, and is {known}")
        else:
            self.expect(
                isinstance(answer.refusal, TokenReused) and request not in made,
                f"{token} was refused: {answer.refusal}",
            )
