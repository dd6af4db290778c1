"""The SPEC item: one job as submitted, resolved against its definition, never changed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdas.core.job import SCHEMA, spec_key
from lambdas.core.tables import Item


@dataclass(frozen=True, slots=True)
class JobSpec:
    """Everything a job asked for.

    `container` is AWS Batch's containerProperties with definition and overrides merged and
    `Ref::` replaced, as DescribeJobs shows them. `overrides` is what RunTask must say beyond
    `task_definition`: {"command": […], "environment": [{name, value}…], "disk": GiB}, each part
    optional; empty when a staged task definition says it all. `retry` is AWS Batch's
    retryStrategy, `extensions` the `batchyard:` tags by name without prefix.
    """

    job: str
    digest: str  #: of the request, so that one client token cannot make two jobs
    caller: str
    queue: str  #: name
    definition: str  #: ARN with revision
    task_definition: str  #: ECS ARN
    container: Mapping[str, Any]
    platform: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    retry: Mapping[str, Any] = field(default_factory=dict)
    timeout: int | None = None
    depends_on: tuple[Mapping[str, str], ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    propagate_tags: bool = False
    task_tags: Mapping[str, str] = field(default_factory=dict)  #: what its tasks are tagged with
    extensions: Mapping[str, str] = field(default_factory=dict)
    share: str = ""
    priority: int | None = None

    def item(self) -> dict[str, Any]:
        """The item; parts at their default are left out."""
        key = spec_key(self.job)
        blank = JobSpec("", "", "", "", "", "", {}, "")
        item: dict[str, Any] = {"pk": key.pk, "sk": key.sk, "schema": SCHEMA}
        for name in self.__slots__:
            value = getattr(self, name)
            if value != getattr(blank, name):
                item[name] = list(value) if isinstance(value, tuple) else value
        return item

    @classmethod
    def of(cls, item: Item) -> JobSpec:
        """Read the item back; attributes of a newer writer are ignored."""
        known = {name: item[name] for name in cls.__slots__ if name in item}
        for name in ("digest", "caller", "queue", "definition", "task_definition", "platform"):
            known.setdefault(name, "")
        known.setdefault("container", {})
        if "depends_on" in known:
            known["depends_on"] = tuple(known["depends_on"])
        return cls(**known)
