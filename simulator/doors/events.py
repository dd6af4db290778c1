"""Uploads and submission events, each delivered at least once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, ClassVar

from lambdas.core.triggers import job_name
from simulator.doors.clients import Pause, Script, event
from simulator.doors.door import MINUTE, Door, submission
from simulator.doors.stacks import asked, declared

BUCKET = "uploads"


class EventDoor(Door):
    """Every upload makes one job of each trigger that it fires, every submission event one; what
    can never become a job lies on the queue of rejected events."""

    name: ClassVar[str] = "events"
    files: ClassVar[frozenset[str]] = frozenset({"intake", "triggers", "submit"})

    def scripts(self) -> Iterator[tuple[int, Script]]:
        self.wanted: Counter[str] = Counter()
        self.rejected: set[str] = set()
        self.left = 0
        yield self.soon(), self._declares()

    def broken(self, excused: Collection[str]) -> Iterator[str]:
        states = [i for i in self.world.tables.jobs.scan() if i["sk"] == "STATE"]
        self.jobs = {i["name"]: i["pk"].removeprefix("JOB#") for i in states if self._mine(i)}
        yield from self.ended_well(excused)
        made = Counter(item["name"] for item in states if self._mine(item))
        if made != self.wanted:
            yield f"I9: events: {dict(self.wanted)} were asked for, {dict(made)} made"
        inboxes, queue = self.world.inboxes, self.world.settings.rejected_queue
        told = {json.loads(m.body).get("event_id") for m in inboxes.deliver(queue, 1000)}
        if told != self.rejected:
            yield f"I9: events: {self.rejected} could never be jobs, {told} were rejected"

    def _mine(self, item: Any) -> bool:
        return str(item["name"]).startswith(("up-", "said-"))

    # ── scripts ───────────────────────────────────────────────────────────────────────────────

    def _declares(self) -> Script:
        triggers = self.draw.sample((("up-all", "", ""), ("up-csv", "in/", ".csv")), 2)
        for name, prefix, suffix in triggers:
            detail: dict[str, Any] = {
                "id": name,
                "bucket": BUCKET,
                "prefix": prefix,
                "suffix": suffix,
            }
            detail["submitJob"] = {"jobQueue": "default", "jobDefinition": "task"}
            yield declared(asked("Create", "S3Trigger", name, detail))
        for number in range(self.draw.randrange(1, 4)):
            self._upload(number)
            self._said(number)
        self._poison()
        while self.left:
            yield Pause(MINUTE)
        for name, _, _ in triggers[:1]:
            gone: dict[str, Any] = {"id": name, "bucket": BUCKET, "submitJob": {}}
            yield declared(asked("Delete", "S3Trigger", name, gone))

    def _upload(self, number: int) -> None:
        key = self.draw.choice(("in/{}.csv", "in/{}.txt", "out/{}")).format(number)
        self.wanted[job_name("up-all", key)] += 1
        if key.endswith(".csv"):
            self.wanted[job_name("up-csv", key)] += 1
        found = {"key": key, "size": 1, "etag": "e", "sequencer": str(number)}
        detail = {"bucket": {"name": BUCKET}, "object": found}
        self._deliver(f"upload-{number}", "aws.s3", "Object Created", detail)

    def _said(self, number: int) -> None:
        name = f"said-{number}"
        self.wanted[name] += 1
        self._deliver(name, "app", "Submit Job", submission(name))

    def _poison(self) -> None:
        detail = submission("never", jobQueue=self.draw.choice(("nowhere", "a b", "")))
        self.rejected.add("poison")
        self._deliver("poison", "app", "Submit Job", detail)

    def _deliver(self, identity: str, source: str, kind: str, detail: Any) -> None:
        whole = {"id": identity, "source": source, "account": "1", "detail-type": kind}
        text = json.dumps({**whole, "detail": detail})
        for _ in range(self.draw.choice((1, 1, 2, 3))):
            self.left += 1
            later = self.draw.choice((0, 0, self.draw.randrange(5 * MINUTE)))
            self.clients.begin(self.world.clock.now() + later, self._takes(text))

    def _takes(self, text: str) -> Script:
        answer = yield event(text)
        self.done(answer, "an event")
        self.left -= 1
