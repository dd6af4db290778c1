"""Somebody holds waiting jobs back, lets them go, moves them and puts them forward, at any moment."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import ClassVar

from lambdas.core.errors import ResourceInUse
from simulator.doors.clients import Pause, Script, api
from simulator.doors.door import MINUTE, Door, submission

_QUEUES = ("default", "high")


class PlaceDoor(Door):
    """Whatever was asked of a job that waits, it runs once, to its end, when it is let go at last."""

    name: ClassVar[str] = "places"
    files: ClassVar[frozenset[str]] = frozenset({"queueing"})

    def scripts(self) -> Iterator[tuple[int, Script]]:
        for number in range(self.draw.randrange(1, 4)):
            yield self.soon(), self._changes(f"place-{number}")

    def broken(self, excused: Collection[str]) -> Iterator[str]:
        """An array fails with a child that ECS let down."""
        yield from self.ended_well({*excused, *(job.partition("_c")[0] for job in excused)})

    def _changes(self, name: str) -> Script:
        size = self.draw.choice((0, 0, 3))
        more = {"arrayProperties": {"size": size}} if size else {}
        answer = yield api("SubmitJob", submission(name, **more), token=name)
        if not self.done(answer, "SubmitJob"):
            return
        job = self.jobs[name] = answer.value["jobId"]
        for _ in range(self.draw.randrange(1, 6)):
            yield Pause(self.draw.choice((0, 0, 100, MINUTE)))
            match self.draw.choice(("HoldJob", "ReleaseJob", "MoveJob", "PrioritizeJob")):
                case "MoveJob":
                    yield from self._asks("MoveJob", job, jobQueue=self.draw.choice(_QUEUES))
                case "PrioritizeJob":
                    yield from self._asks("PrioritizeJob", job, schedulingPriority=5)
                case asked:
                    yield from self._asks(asked, job)
        yield from self._asks("ReleaseJob", job)

    def _asks(self, asked: str, job: str, **more: object) -> Script:
        """It may run already; and a release holds for whatever was asked before it."""
        answer = yield api(asked, {"jobId": job, **more})
        late = isinstance(answer.refusal, ResourceInUse) and asked != "ReleaseJob"
        self.expect(answer.refusal is None or late, f"{asked} was refused: {answer.refusal}")
