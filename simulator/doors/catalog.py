"""Environments and queues that are made, edited, used and deleted by several at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, ClassVar

from lambdas.core.errors import UnknownResource
from lambdas.services.queue_removal import REASON
from simulator.doors.clients import Pause, Script, api
from simulator.doors.door import MINUTE, Door, submission

ENV, QUEUE = "door-env", "door"

#: What the operator alone edits, and what the editor alone does.
HERS, HIS = ("priority", "maxvCpus"), ("state", "tag")


class CatalogDoor(Door):
    """An operator makes both, and edits what is hers; an editor edits what is his; somebody submits
    all the while. Nobody's answered edit is lost, and what was deleted is gone in the end."""

    name: ClassVar[str] = "catalog"
    files: ClassVar[frozenset[str]] = frozenset(
        {"environments", "queues", "queue_removal", "catalog_store", "bell"}
    )

    def scripts(self) -> Iterator[tuple[int, Script]]:
        self.deletes = self.draw.random() < 0.7
        self.open = self.closing = self.edited = False
        self.told: dict[str, Any] = {}
        begin = self.soon()
        yield begin, self._operator()
        yield begin, self._editor()
        yield begin, self._submitter()

    def broken(self, excused: Collection[str]) -> Iterator[str]:
        yield from self.ended_well(excused, REASON if self.deletes else None)
        catalog = self.truth.catalog.snapshot()
        if self.deletes and (QUEUE in catalog.queues or ENV in catalog.environments):
            yield f"I9: catalog: {QUEUE} or {ENV} was deleted, and is there still"
        inboxes = [url for url in self.world.inboxes.queues if url.endswith(f"-{QUEUE}")]
        if self.deletes and inboxes:
            yield f"I10: catalog: {inboxes} outlive their queue"
        if not self.deletes:
            yield from (f"I9: catalog: {said}" for said in self._lost((*HERS, *HIS)))

    # ── who does what ─────────────────────────────────────────────────────────────────────────

    def _operator(self) -> Script:
        resources = {"type": "FARGATE", "maxvCpus": 1, "subnets": ["subnet-1"]}
        environment = {
            "computeEnvironmentName": ENV,
            "type": "MANAGED",
            "computeResources": {**resources, "securityGroupIds": ["sg-1"]},
        }
        order = [{"order": 1, "computeEnvironment": ENV}]
        queue = {"jobQueueName": QUEUE, "priority": 1, "computeEnvironmentOrder": order}
        for kind, body in (("ComputeEnvironment", environment), ("JobQueue", queue)):
            answer = yield api(f"Create{kind}", body)
            exists = answer.refusal is not None and "already exists" in str(answer.refusal)
            self.expect(
                answer.refusal is None or (exists and answer.doubtful),
                f"Create{kind} was refused: {answer.refusal}",
            )
        self.told |= {"priority": 1, "maxvCpus": 1}
        self.open = True
        self._whole(HERS)
        yield from self._edits()
        yield from self._reads()
        while not self.edited:
            yield Pause(MINUTE // 2)
        self._whole((*HERS, *HIS))
        if self.deletes:
            yield from self._deletes()

    def _edits(self) -> Script:
        for number in range(2, 2 + self.draw.randrange(4)):
            answer = yield api("UpdateJobQueue", {"jobQueue": QUEUE, "priority": number})
            if self.done(answer, "UpdateJobQueue"):
                self.told["priority"] = number
            body = {"computeEnvironment": ENV, "computeResources": {"maxvCpus": number}}
            answer = yield api("UpdateComputeEnvironment", body)
            if self.done(answer, "UpdateComputeEnvironment"):
                self.told["maxvCpus"] = number
            self._whole(HERS)

    def _reads(self) -> Script:
        for operation, member, name in (
            ("DescribeJobQueues", "jobQueues", "jobQueueName"),
            ("DescribeComputeEnvironments", "computeEnvironments", "computeEnvironmentName"),
        ):
            found: set[str] = set()
            token: str | None = ""
            while token is not None:
                answer = yield api(operation, {"maxResults": 1, "nextToken": token})
                found |= {detail[name] for detail in answer.value[member]}
                token = answer.value.get("nextToken")
            self.expect({QUEUE, ENV} & found != set(), f"{operation} leaves out what there is")

    def _deletes(self) -> Script:
        self.closing = True
        yield Pause(self.draw.choice((0, 0, 3 * MINUTE)))
        for operation, body in (
            ("UpdateJobQueue", {"jobQueue": QUEUE, "state": "DISABLED"}),
            ("DeleteJobQueue", {"jobQueue": QUEUE}),
            ("UpdateComputeEnvironment", {"computeEnvironment": ENV, "state": "DISABLED"}),
            ("DeleteComputeEnvironment", {"computeEnvironment": ENV}),
        ):
            answer = yield api(operation, body)
            gone = answer.refusal is not None and "does not exist" in str(answer.refusal)
            # Only this client deletes: one that is gone was deleted by this call or a try before.
            if not (operation.startswith("Delete") and gone):
                self.done(answer, operation)

    def _editor(self) -> Script:
        while not self.open:
            yield Pause(1_000)
        states = [self.draw.choice(("ENABLED", "DISABLED")) for _ in range(self.draw.randrange(4))]
        for state in (*states, "ENABLED"):
            body = {"computeEnvironment": ENV, "state": state}
            if self.done((yield api("UpdateComputeEnvironment", body)), "Update"):
                self.told["state"] = state
            tags = {"resourceArn": self.truth.arns.queue(QUEUE), "tags": {"state": state}}
            if self.done((yield api("TagResource", tags)), "TagResource"):
                self.told["tag"] = state
            self._whole(HIS)
        self.edited = True

    def _submitter(self) -> Script:
        for number in range(self.draw.randrange(1, 5)):
            name = f"door-{number}"
            self.clients.runs[name] = self.draw.choice((1_000, 100_000, 20 * MINUTE))
            stood = self.open and not self.closing
            answer = yield api("SubmitJob", submission(name, jobQueue=QUEUE), token=name)
            if answer.refusal is None:
                self.jobs[name] = answer.value["jobId"]
            else:
                stands = stood and not self.closing
                self.expect(not stands, f"SubmitJob was refused: {answer.refusal}")
            yield Pause(self.draw.choice((0, MINUTE, 3 * MINUTE)))

    # ── what stands ───────────────────────────────────────────────────────────────────────────

    def _whole(self, members: Collection[str]) -> None:
        for said in self._lost(members):
            self.expect(False, said)

    def _lost(self, members: Collection[str]) -> Iterator[str]:
        """Answered edits of these members that the entries do not show."""
        try:
            environment = self.truth.catalog.environment_item(ENV)["detail"]
            item = self.truth.catalog.queue_item(QUEUE)
        except UnknownResource as error:
            yield f"was made, and is not there: {error}"
            return
        found = {
            "priority": item["detail"]["priority"],
            "maxvCpus": environment["computeResources"]["maxvCpus"],
            "state": environment["state"],
            "tag": item["detail"].get("tags", {}).get("state"),
        }
        for member in members:
            if member in self.told and found[member] != self.told[member]:
                yield f"{member} was set to {self.told[member]}, and is {found[member]}"
        if item["inbox"] not in self.world.inboxes.queues:
            yield f"queue {QUEUE} has no inbox"
