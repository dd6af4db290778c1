"""ECS task definitions by content: what is registered once is never registered again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdas.core.catalog import taskdef_key
from lambdas.core.errors import ConditionFailed
from lambdas.core.job import SCHEMA
from lambdas.core.ports import Clock, Table, Tasks
from lambdas.core.tables import Absent, Put
from lambdas.core.task_definition import TaskDefaults, digest, task_definition


class TaskDefinitions:
    """Registers task definitions with ECS, and remembers them in the catalog."""

    def __init__(self, table: Table, tasks: Tasks, clock: Clock, defaults: TaskDefaults) -> None:
        self._table = table
        self._tasks = tasks
        self._clock = clock
        self._defaults = defaults

    def for_container(self, name: str, container: Mapping[str, Any]) -> str:
        """The ARN of the task definition for this container of job definition `name`."""
        return self.ensure(task_definition(name, container, self._defaults))

    def ensure(self, content: Mapping[str, Any]) -> str:
        """The ARN of a task definition with this content (RegisterTaskDefinition's request).

        Registered before it is written down: a crash between leaves one that nothing uses, never
        a record of one that does not exist. Raises ClientError with ECS's words, or Throttled.
        """
        key = taskdef_key(digest(content))
        known = self._table.get(key)
        if known is not None:
            return str(known["arn"])
        arn = self._tasks.register(content)
        item = {
            "pk": key.pk,
            "sk": key.sk,
            "schema": SCHEMA,
            "arn": arn,
            "family": content["family"],
            "registered_at": self._clock.now(),
        }
        try:
            self._table.write(Put(item, when=(Absent("pk"),)))
        except ConditionFailed as faster:
            return self._yield_to(faster, arn)
        return arn

    def _yield_to(self, faster: ConditionFailed, ours: str) -> str:
        """Another call registered the same content at the same moment: theirs is kept."""
        theirs = str((faster.item or {}).get("arn", ours))
        if theirs != ours:
            self._tasks.deregister(ours)
        return theirs
