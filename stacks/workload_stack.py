"""What a team declares in code: environments, queues, definitions and triggers.

The defaults come from cdk.json (`batchyard:computeEnvironments`, `jobQueues`, `jobDefinitions`,
`triggers`); more can be written below them, or in any stack of one's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from stacks.config import PREFIX, ConfigError, DeploymentConfig
from stacks.constructs.compute_environment import ComputeEnvironment
from stacks.constructs.job_definition import JobDefinition
from stacks.constructs.job_queue import JobQueue
from stacks.constructs.s3_trigger import S3Location, S3Trigger
from stacks.handover import take

Entry = Mapping[str, Any]


class WorkloadStack(cdk.Stack):
    """Changes most often of all, and touches nothing but catalog entries, inboxes and rules."""

    def __init__(self, scope: Construct, construct_id: str, config: DeploymentConfig) -> None:
        super().__init__(
            scope, construct_id, description=f"Batchyard {config.deployment}: declared resources"
        )
        self._config = config
        self._environments = {
            entry["name"]: self._environment(entry)
            for entry in _named("computeEnvironments", config.compute_environments)
        }
        for entry in _named("jobQueues", config.job_queues):
            self._queue(entry)
        for entry in _named("jobDefinitions", config.job_definitions):
            self._definition(entry)
        for entry in _named("triggers", config.triggers, "id"):
            self._trigger(entry)

    def _environment(self, entry: Entry) -> ComputeEnvironment:
        return ComputeEnvironment(
            self,
            f"Environment{_id(entry['name'])}",
            self._config,
            name=entry["name"],
            kind=entry.get("type", "FARGATE"),
            max_vcpus=int(entry.get("maxvCpus", 256)),
            subnets=entry.get("subnets", ()),
            security_groups=entry.get("securityGroupIds", ()),
        )

    def _queue(self, entry: Entry) -> None:
        names = entry.get("computeEnvironments", ())
        JobQueue(
            self,
            f"Queue{_id(entry['name'])}",
            self._config,
            name=entry["name"],
            priority=int(entry.get("priority", 1)),
            compute_environments=[self._environments.get(name, name) for name in names],
        )

    def _definition(self, entry: Entry) -> None:
        options = {
            name: value
            for name, value in entry.items()
            if name not in ("name", "containerProperties", "platform")
        }
        JobDefinition(
            self,
            f"Definition{_id(entry['name'])}",
            self._config,
            name=entry["name"],
            properties=entry.get("containerProperties", {}),
            options=options,
            platform=entry.get("platform", "FARGATE"),
        )

    def _trigger(self, entry: Entry) -> None:
        """`input` and `output` mean the deployment's own buckets."""
        watches = self._place(entry, entry.get("bucket", "input"))
        writes = entry.get("writes")
        S3Trigger(
            self,
            f"Trigger{_id(entry['id'])}",
            self._config,
            trigger_id=entry["id"],
            watches=watches,
            writes=self._written(writes, entry, watches) if writes else None,
            job=entry.get("submitJob", {}),
        )

    def _place(self, entry: Entry, bucket: str) -> S3Location:
        if bucket in ("input", "output"):
            bucket = take(self, self._config, f"{bucket}_bucket")
        return S3Location(bucket, entry.get("prefix", ""), entry.get("suffix", ""))

    def _written(self, writes: Entry, entry: Entry, watches: S3Location) -> S3Location:
        """Where the job writes: only whether it is the bucket that is watched matters."""
        name = writes.get("bucket", "output")
        bucket = watches.bucket if name == entry.get("bucket", "input") else name
        return S3Location(bucket, writes.get("prefix", ""), writes.get("suffix", ""))


def _named(key: str, entries: tuple[Entry, ...], name: str = "name") -> tuple[Entry, ...]:
    """Entries that each have a name of their own."""
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        value = entry.get(name)
        if not isinstance(value, str) or not value or value in seen:
            raise ConfigError(
                f"{PREFIX}{key}[{number}].{name} is {value!r}: a text of its own is needed"
            )
        seen.add(value)
    return entries


def _id(name: str) -> str:
    """A name as part of a logical id, which hold letters and digits only."""
    return "".join(part.capitalize() for part in name.replace("_", "-").split("-"))
