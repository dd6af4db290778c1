"""The kinds of resource that code can declare, each over the service that the API uses too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from lambdas.core.catalog import environment_key, queue_key, revision_key
from lambdas.core.errors import ClientError
from lambdas.core.ports import Journal, Table
from lambdas.core.tables import Key, Present, Update
from lambdas.core.triggers import trigger_key
from lambdas.services.catalog_entries import Author
from lambdas.services.catalog_store import CatalogStore
from lambdas.services.definitions import DefinitionService
from lambdas.services.environments import EnvironmentService
from lambdas.services.queues import QueueService
from lambdas.services.triggers import TriggerService

Detail = Mapping[str, Any]
Data = dict[str, str]


class Declarable(Protocol):
    """One kind of resource. `Detail` is checked against `operation` before anything is called."""

    operation: str

    def request(self, detail: Detail) -> Detail:
        """The request that `operation`'s model is to check."""
        ...

    def name(self, detail: Detail) -> str: ...

    def id(self, detail: Detail) -> str:
        """What makes it another resource when it changes."""
        ...

    def declared_by(self, detail: Detail) -> str | None:
        """Who declared the entry that there is; None when there is none."""
        ...

    def declare(self, detail: Detail, author: Author, asked: Mapping[str, Any]) -> Data:
        """Make it so; what the template may read of it."""
        ...

    def retire(self, detail: Detail, author: Author) -> None:
        """It is no longer declared."""
        ...


class _Batch:
    """What AWS Batch's own kinds share: the request is the detail, and a name is the id."""

    operation: str
    _member: str

    def __init__(self, table: Table) -> None:
        self._table = table

    def request(self, detail: Detail) -> Detail:
        return detail

    def name(self, detail: Detail) -> str:
        return str(detail.get(self._member, ""))

    def id(self, detail: Detail) -> str:
        return self.name(detail)

    def declared_by(self, detail: Detail) -> str | None:
        item = self._table.get(self._key(detail))
        return item.get("declared_by") if item else None

    def _key(self, detail: Detail) -> Key:
        raise NotImplementedError


class Queues(_Batch):
    operation = "CreateJobQueue"
    _member = "jobQueueName"

    def __init__(self, table: Table, queues: QueueService) -> None:
        super().__init__(table)
        self._queues = queues

    def declare(self, detail: Detail, author: Author, asked: Mapping[str, Any]) -> Data:
        inbox = asked.get("Inbox")
        if not isinstance(inbox, str) or not inbox:
            raise ClientError("Inbox is required: the URL of the queue's SQS queue.")
        return {"Arn": self._queues.declare(detail, author, inbox)["jobQueueArn"]}

    def retire(self, detail: Detail, author: Author) -> None:
        self._queues.retire(self.name(detail), author)

    def _key(self, detail: Detail) -> Key:
        return queue_key(self.name(detail))


class Environments(_Batch):
    operation = "CreateComputeEnvironment"
    _member = "computeEnvironmentName"

    def __init__(
        self,
        table: Table,
        environments: EnvironmentService,
        queues: QueueService,
        store: CatalogStore,
        journal: Journal,
    ) -> None:
        super().__init__(table)
        self._environments = environments
        self._queues = queues
        self._store = store
        self._journal = journal

    def declare(self, detail: Detail, author: Author, asked: Mapping[str, Any]) -> Data:
        return {"Arn": self._environments.declare(detail, author)["computeEnvironmentArn"]}

    def retire(self, detail: Detail, author: Author) -> None:
        """Queues that an API edit put on it are taken off first. A queue that has no other is
        left with it: the environment then stays, DISABLED (ResourceInUse says so)."""
        name = self.name(detail)
        for queue in self._store.snapshot().queues.values():
            rest = [other for other in queue.environments if other != name]
            if rest and len(rest) < len(queue.environments):
                self._journal.warn("queue detached", queue=queue.name, environment=name)
                self._queues.update(
                    {"jobQueue": queue.name, "computeEnvironmentOrder": _order(rest)}, author
                )
        self._environments.retire(name, author)

    def _key(self, detail: Detail) -> Key:
        return environment_key(self.name(detail))


class Definitions(_Batch):
    operation = "RegisterJobDefinition"
    _member = "jobDefinitionName"

    def __init__(self, table: Table, definitions: DefinitionService, store: CatalogStore) -> None:
        super().__init__(table)
        self._definitions = definitions
        self._store = store

    def declare(self, detail: Detail, author: Author, asked: Mapping[str, Any]) -> Data:
        """An equal revision is kept, and is this declaration's from now on."""
        made = self._definitions.declare(detail, author)
        key = revision_key(made["jobDefinitionName"], made["revision"])
        stamp = {"managed": True, "declared_by": author.declared_by}
        self._table.write(Update(key, put=stamp, add={"version": 1}, when=(Present("pk"),)))
        return {"Arn": made["jobDefinitionArn"], "Revision": str(made["revision"])}

    def retire(self, detail: Detail, author: Author) -> None:
        self._definitions.retire(self.name(detail), author)

    def declared_by(self, detail: Detail) -> str | None:
        """Of the newest ACTIVE revision that is declared; one registered by API is nobody's."""
        owners = (
            item.get("declared_by")
            for item in self._store.revisions(self.name(detail))
            if item["detail"]["status"] == "ACTIVE"
        )
        return next(filter(None, owners), None)


class Triggers:
    operation = "SubmitJob"

    def __init__(self, table: Table, triggers: TriggerService) -> None:
        self._table = table
        self._triggers = triggers

    def request(self, detail: Detail) -> Detail:
        """The template is checked; its name may be left to the uploads."""
        template = detail.get("submitJob")
        return {"jobName": "upload", **template} if isinstance(template, dict) else {}

    def name(self, detail: Detail) -> str:
        return str(detail.get("id", ""))

    def id(self, detail: Detail) -> str:
        return f"{detail.get('bucket', '')}#{self.name(detail)}"

    def declared_by(self, detail: Detail) -> str | None:
        item = self._table.get(trigger_key(str(detail.get("bucket")), self.name(detail)))
        return item.get("declared_by") if item else None

    def declare(self, detail: Detail, author: Author, asked: Mapping[str, Any]) -> Data:
        self._triggers.declare(detail, author)
        return {}

    def retire(self, detail: Detail, author: Author) -> None:
        self._triggers.retire(str(detail.get("bucket")), self.name(detail))


def kinds(
    *,
    table: Table,
    store: CatalogStore,
    environments: EnvironmentService,
    queues: QueueService,
    definitions: DefinitionService,
    triggers: TriggerService,
    journal: Journal,
) -> dict[str, Declarable]:
    """Every kind by the name that templates use; `table` is the catalog."""
    return {
        "ComputeEnvironment": Environments(table, environments, queues, store, journal),
        "JobQueue": Queues(table, queues),
        "JobDefinition": Definitions(table, definitions, store),
        "S3Trigger": Triggers(table, triggers),
    }


def _order(names: list[str]) -> list[dict[str, Any]]:
    return [
        {"order": number, "computeEnvironment": name} for number, name in enumerate(names, start=1)
    ]
