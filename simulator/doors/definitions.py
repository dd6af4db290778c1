"""Job definitions that two register, describe and deregister at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, ClassVar

from lambdas.core.catalog import definition_key
from lambdas.core.errors import UnknownResource
from simulator.doors.clients import Script, api
from simulator.doors.door import CONTAINER, Door, submission

NAME = "door-def"


class DefinitionDoor(Door):
    """A revision is given once, says what was registered, and can be launched when it is answered;
    one that was deregistered takes no jobs."""

    name: ClassVar[str] = "definitions"
    files: ClassVar[frozenset[str]] = frozenset(
        {"definitions", "task_definitions", "catalog_store"}
    )

    def scripts(self) -> Iterator[tuple[int, Script]]:
        self.registered: dict[int, str] = {}
        self.inactive: set[int] = set()
        begin = self.soon()
        for _ in range(3):
            yield begin, self._registrar()

    def broken(self, excused: Collection[str]) -> Iterator[str]:
        yield from self.ended_well(excused)
        count = self.world.tables.catalog.peek(definition_key(NAME)) or {"revision": 0}
        for revision in range(1, count["revision"] + 1):
            if self._item(revision) is None:
                yield f"I9: definitions: revision {revision} of {count['revision']} is missing"
        for revision, command in self.registered.items():
            yield from (f"I9: definitions: {said}" for said in self._wrong(revision, command))

    def _registrar(self) -> Script:
        for _ in range(self.draw.randrange(1, 4)):
            command = self.draw.choice(("one", "two"))
            body = {
                "jobDefinitionName": NAME,
                "type": "container",
                "platformCapabilities": ["FARGATE"],
                "containerProperties": {**CONTAINER, "command": [command]},
            }
            answer = yield api("RegisterJobDefinition", body)
            if not self.done(answer, "RegisterJobDefinition"):
                return
            revision = answer.value["revision"]
            self.expect(revision not in self.registered, f"revision {revision} is given twice")
            self.registered[revision] = command
            for said in self._wrong(revision, command):
                self.expect(False, said)
            yield from self._uses(revision)
        yield from self._reads()

    def _uses(self, revision: int) -> Script:
        ref = f"{NAME}:{revision}"
        name = f"of-{revision}"
        answer = yield api("SubmitJob", submission(name, jobDefinition=ref), token=name)
        if self.done(answer, f"SubmitJob with {ref}"):
            self.jobs[name] = answer.value["jobId"]
        if self.draw.random() < 0.5:
            if self.done((yield api("DeregisterJobDefinition", {"jobDefinition": ref})), "it"):
                self.inactive.add(revision)
            late = submission(f"late-{revision}", jobDefinition=ref)
            answer = yield api("SubmitJob", late, token=f"late-{revision}")
            self.expect(answer.refusal is not None, f"{ref} is INACTIVE, and took a job")

    def _reads(self) -> Script:
        known = set(self.registered) - self.inactive
        found: set[int] = set()
        token: str | None = ""
        while token is not None:
            body = {"jobDefinitionName": NAME, "maxResults": 1, "status": "ACTIVE"}
            answer = yield api("DescribeJobDefinitions", {**body, "nextToken": token})
            found |= {detail["revision"] for detail in answer.value["jobDefinitions"]}
            token = answer.value.get("nextToken")
        hidden = known - found - self.inactive
        active = {r for r in hidden if (self._item(r) or {})["detail"]["status"] == "ACTIVE"}
        self.expect(not active, f"DescribeJobDefinitions leaves out {sorted(active)}")

    def _item(self, revision: int) -> Any:
        try:
            return self.truth.catalog.definition_item(f"{NAME}:{revision}")
        except UnknownResource:
            return None

    def _wrong(self, revision: int, command: str) -> Iterator[str]:
        item = self._item(revision)
        if item is None:
            yield f"revision {revision} was answered, and is not there"
            return
        detail, tasks = item["detail"], self.world.tasks
        if detail["containerProperties"]["command"] != [command]:
            yield f"revision {revision} is not what was registered"
        if revision in self.inactive and detail["status"] != "INACTIVE":
            yield f"revision {revision} was deregistered, and is {detail['status']}"
        made = item["task_definition"]
        if made not in tasks.definitions or made in tasks.inactive:
            yield f"revision {revision} has no task definition: {made}"
