"""Jobs that ended long ago and expire, by TTL, while others go on."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import ClassVar

from lambdas.core.tables import Delete, Key
from simulator.doors.clients import Pause, Script, api
from simulator.doors.door import MINUTE, Door, submission


class ExpiryDoor(Door):
    """An expired job leaves nothing behind; who waits for one that never comes back is told; and
    one that expired while it stood in another's list is nobody's burden."""

    name: ClassVar[str] = "expiry"
    files: ClassVar[frozenset[str]] = frozenset({"retention", "dependents"})

    def scripts(self) -> Iterator[tuple[int, Script]]:
        self.expired: list[str] = []
        yield self.soon(), self._lives()

    def broken(self, excused: Collection[str]) -> Iterator[str]:
        lost = self.world.functions.streams.lost
        for job in self.expired:
            keys = [
                (item["pk"], item["sk"])
                for item in self.world.tables.jobs.scan()
                if item["pk"].startswith(f"JOB#{job}") and "#DEPENDENTS#" not in item["pk"]
            ]
            if keys and not any(pk.startswith(f"JOB#{job}") for pk in lost):
                yield f"I10: expiry: job {job} has expired, and left {keys}"

    def _lives(self) -> Script:
        self.clients.runs["lasting"] = 10 * MINUTE
        lasting = yield from self._submits("lasting")
        waiting = yield from self._submits("waiting", dependsOn=[{"jobId": lasting}])
        array = yield from self._submits("array", arrayProperties={"size": 2})
        plain = yield from self._submits("plain", tags={"first": "1"})
        arn = self.truth.arns.job(plain)
        yield api("TagResource", {"resourceArn": arn, "tags": {"second": "2"}})
        yield Pause(self.draw.choice((0, MINUTE)))
        yield api("CancelJob", {"jobId": waiting, "reason": "cancel by a user"})
        for job in (waiting, array, plain):
            yield from self._expires(job)

    def _submits(self, name: str, **more: object) -> Script:
        answer = yield api("SubmitJob", submission(name, **more), token=name)
        assert answer.refusal is None, answer.refusal
        self.jobs[name] = answer.value["jobId"]
        return answer.value["jobId"]

    def _expires(self, job: str) -> Script:
        """Wait for its end, and for all that it owes; then its time is over."""
        while not ((state := self.state(job)) and state.status.ended and state.due_at is None):
            yield Pause(MINUTE // 2)
        table = self.world.tables.jobs
        for item in table.scan():
            mine = item["pk"] == f"JOB#{job}" or item["pk"].startswith(f"JOB#{job}:")
            if mine and "expires" in item:
                table.write(Delete(Key(item["pk"], item["sk"])))
        self.expired.append(job)
