"""A stack that declares resources, changes them, moves them, and is deleted."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

from lambdas.core.errors import UnknownResource
from simulator.doors.clients import Ask, Script, declaration
from simulator.doors.door import CONTAINER, Door

ENV, QUEUE, DEFINITION = "cfn-env", "cfn", "cfn-def"


def asked(
    kind_of_request: str, kind: str, name: str, detail: Mapping[str, Any], logical: str = "Mine"
) -> dict[str, Any]:
    """What CloudFormation sends."""
    properties = {"Kind": kind, "Name": name, "Detail": json.dumps(detail)}
    return {
        "RequestType": kind_of_request,
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/team/1",
        "LogicalResourceId": f"{logical}{kind}{name}",
        "ResourceProperties": properties,
    }


def declared(request: Mapping[str, Any]) -> Ask:
    return declaration(request)


class StackDoor(Door):
    """What a deployment reported as made is there as declared; what moved to another construct
    survives the delete of the first; what was deleted is gone."""

    name: ClassVar[str] = "stacks"
    files: ClassVar[frozenset[str]] = frozenset(
        {"declared", "declare", "environments", "queues", "definitions", "triggers"}
    )

    def scripts(self) -> Iterator[tuple[int, Script]]:
        self.ends = self.draw.random() < 0.6
        self.inbox = self.world.inboxes.create("cfn-inbox")
        yield self.soon(), self._deploys()

    def broken(self, excused: Collection[str]) -> Iterator[str]:
        catalog = self.truth.catalog.snapshot()
        there = (ENV in catalog.environments, QUEUE in catalog.queues, self._command() is not None)
        if any(there) is self.ends or all(there) is self.ends:
            yield f"I9: stacks: deleted: {self.ends}, and there are: {there}"
        if self.inbox not in self.world.inboxes.queues:
            yield "I9: stacks: the inbox is the stack's, and was removed"

    def _deploys(self) -> Script:
        for number in (1, 2):
            yield from self._deploy("Create" if number == 1 else "Update", number, "Mine")
        if self.draw.random() < 0.5:
            yield from self._deploy("Create", 3, "Moved")
            yield from self._delete(3, "Mine")
            self._stands(3)
            if self.ends:
                yield from self._delete(3, "Moved")
        elif self.ends:
            yield from self._delete(2, "Mine")

    def _deploy(self, request: str, number: int, logical: str) -> Script:
        for kind, name, detail in self._resources(number):
            yield declared(self._request(request, kind, name, detail, logical))
        self._stands(number)

    def _delete(self, number: int, logical: str) -> Script:
        for kind, name, detail in reversed(self._resources(number)):
            yield declared(self._request("Delete", kind, name, detail, logical))

    def _request(
        self, request: str, kind: str, name: str, detail: Mapping[str, Any], logical: str
    ) -> dict[str, Any]:
        whole = asked(request, kind, name, detail, logical)
        if kind == "JobQueue":
            whole["ResourceProperties"]["Inbox"] = self.inbox
        return whole

    def _resources(self, number: int) -> list[tuple[str, str, dict[str, Any]]]:
        resources = {"type": "FARGATE", "maxvCpus": number, "subnets": ["subnet-1"]}
        environment = {
            "computeEnvironmentName": ENV,
            "type": "MANAGED",
            "computeResources": {**resources, "securityGroupIds": ["sg-1"]},
        }
        order = [{"order": 1, "computeEnvironment": ENV}]
        queue = {"jobQueueName": QUEUE, "priority": number, "computeEnvironmentOrder": order}
        definition = {
            "jobDefinitionName": DEFINITION,
            "type": "container",
            "platformCapabilities": ["FARGATE"],
            "containerProperties": {**CONTAINER, "command": [str(number)]},
        }
        return [
            ("ComputeEnvironment", ENV, environment),
            ("JobQueue", QUEUE, queue),
            ("JobDefinition", DEFINITION, definition),
        ]

    def _stands(self, number: int) -> None:
        catalog = self.truth.catalog.snapshot()
        environment, queue = catalog.environments.get(ENV), catalog.queues.get(QUEUE)
        found = (
            environment and environment.max_milli_vcpus,
            queue and (queue.priority, queue.inbox),
            self._command(),
        )
        wanted = (number * 1000, (number, self.inbox), [str(number)])
        self.expect(found == wanted, f"{wanted} were deployed, {found} are there")

    def _command(self) -> Any:
        try:
            item = self.truth.catalog.definition_item(DEFINITION)
        except UnknownResource:
            return None
        return item["detail"]["containerProperties"]["command"]
