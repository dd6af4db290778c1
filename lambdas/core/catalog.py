"""The catalog: queues, environments, definitions and policies, as stored and as decided on.

A catalog item holds `detail`, the resource exactly as AWS Batch's Describe call answers it
(camelCase), beside what only Batchyard needs. The frozen views below are what decisions read.

    QUEUES              <name>                    one job queue
    ENVIRONMENTS        <name>                    one compute environment
    DEFINITIONS         <name>                    a job definition's name: the next revision
    DEFINITION#<name>   REVISION#<revision:010d>  one revision
    TASKDEFS            <digest>                  an ECS task definition with this content
    TRIGGERS            <bucket>#<id>             an S3 upload trigger
    POLICIES            <name>                    a scheduling policy
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.core.tables import Item, Key

QUEUES = "QUEUES"
ENVIRONMENTS = "ENVIRONMENTS"
DEFINITIONS = "DEFINITIONS"
TASKDEFS = "TASKDEFS"
TRIGGERS = "TRIGGERS"
POLICIES = "POLICIES"


def queue_key(name: str) -> Key:
    return Key(QUEUES, name)


def environment_key(name: str) -> Key:
    return Key(ENVIRONMENTS, name)


def definition_key(name: str) -> Key:
    return Key(DEFINITIONS, name)


def revision_key(name: str, revision: int) -> Key:
    return Key(f"DEFINITION#{name}", f"REVISION#{revision:010d}")


def taskdef_key(digest: str) -> Key:
    return Key(TASKDEFS, digest)


def policy_key(name: str) -> Key:
    return Key(POLICIES, name)


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """A job blocked for `reason` for `most` ms is stopped; `action` is CANCEL or TERMINATE."""

    reason: str
    most: int
    action: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A job queue. `environments` are names, in the order in which to try them."""

    name: str
    arn: str
    priority: int
    enabled: bool
    environments: tuple[str, ...]
    inbox: str  #: URL of its SQS queue
    policy: str | None = None  #: ARN of its fair-share policy
    time_limits: tuple[TimeLimit, ...] = ()

    @classmethod
    def of(cls, item: Item) -> Queue:
        detail = item["detail"]
        order = sorted(detail.get("computeEnvironmentOrder", ()), key=lambda e: e["order"])
        return cls(
            name=detail["jobQueueName"],
            arn=detail["jobQueueArn"],
            priority=detail["priority"],
            enabled=detail["state"] == "ENABLED",
            environments=tuple(name_of(e["computeEnvironment"]) for e in order),
            inbox=item["inbox"],
            policy=detail.get("schedulingPolicyArn"),
            time_limits=tuple(
                TimeLimit(each["reason"], 1000 * each["maxTimeSeconds"], each["action"])
                for each in detail.get("jobStateTimeLimitActions", ())
            ),
        )


@dataclass(frozen=True, slots=True)
class Environment:
    """A managed compute environment."""

    name: str
    arn: str
    kind: str  #: FARGATE, FARGATE_SPOT, EC2, SPOT
    enabled: bool
    max_milli_vcpus: int
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()

    @classmethod
    def of(cls, item: Item) -> Environment:
        detail = item["detail"]
        resources = detail.get("computeResources", {})
        return cls(
            name=detail["computeEnvironmentName"],
            arn=detail["computeEnvironmentArn"],
            kind=resources.get("type", "UNMANAGED"),
            enabled=detail["state"] == "ENABLED" and detail.get("status", "VALID") == "VALID",
            max_milli_vcpus=1000 * resources.get("maxvCpus", 0),
            subnets=tuple(resources.get("subnets", ())),
            security_groups=tuple(resources.get("securityGroupIds", ())),
        )

    @property
    def fargate(self) -> bool:
        return self.kind in ("FARGATE", "FARGATE_SPOT")

    @property
    def platform(self) -> str:
        """The platform capability whose jobs it runs."""
        return "FARGATE" if self.fargate else "EC2"


@dataclass(frozen=True, slots=True)
class Definition:
    """One revision of a job definition: `detail` as described, and its ECS task definition."""

    name: str
    revision: int
    detail: Mapping[str, Any]
    task_definition: str
    active: bool

    @classmethod
    def of(cls, item: Item) -> Definition:
        detail = item["detail"]
        return cls(
            name=detail["jobDefinitionName"],
            revision=detail["revision"],
            detail=detail,
            task_definition=item["task_definition"],
            active=detail["status"] == "ACTIVE",
        )


@dataclass(frozen=True, slots=True)
class Catalog:
    """The queues and environments that decisions need, by name."""

    queues: Mapping[str, Queue]
    environments: Mapping[str, Environment]


@dataclass(frozen=True, slots=True)
class Cell:
    """A connected group of queues and environments, scheduled together and named after its first
    environment (alphabetically), or after a queue that has none."""

    name: str
    queues: tuple[Queue, ...]  #: highest priority first, then by name
    environments: tuple[Environment, ...]


def cells(catalog: Catalog) -> tuple[Cell, ...]:
    """Split the catalog into cells: queues that share an environment, directly or through others."""
    leader: dict[str, str] = {}

    def find(node: str) -> str:
        while leader.setdefault(node, node) != node:
            node = leader[node]
        return node

    for queue in catalog.queues.values():
        nodes = [f"E{name}" for name in queue.environments if name in catalog.environments]
        for node in nodes or ():
            leader[find(node)] = find(f"Q{queue.name}")
        find(f"Q{queue.name}")
    groups: dict[str, list[str]] = {}
    for node in sorted(leader):
        groups.setdefault(find(node), []).append(node)
    return tuple(_cell(catalog, nodes) for _, nodes in sorted(groups.items()))


def cell_with(
    catalog: Catalog, *, queue: str | None = None, name: str | None = None
) -> Cell | None:
    """The cell that serves this queue, or that holds the environment or queue of this name."""
    for cell in cells(catalog):
        if queue is not None and any(q.name == queue for q in cell.queues):
            return cell
        members = [*(e.name for e in cell.environments), *(q.name for q in cell.queues)]
        if name is not None and name in members:
            return cell
    return None


def _cell(catalog: Catalog, nodes: Iterable[str]) -> Cell:
    names = sorted(nodes)
    environments = [catalog.environments[n[1:]] for n in names if n[0] == "E"]
    queues = [catalog.queues[n[1:]] for n in names if n[0] == "Q"]
    queues.sort(key=lambda queue: (-queue.priority, queue.name))
    name = environments[0].name if environments else queues[0].name
    return Cell(name, tuple(queues), tuple(environments))


# ── names and ARNs ────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Arns:
    """AWS Batch's ARNs, in this deployment's partition, Region and account."""

    partition: str
    region: str
    account: str

    def _of(self, kind: str, name: str) -> str:
        return f"arn:{self.partition}:batch:{self.region}:{self.account}:{kind}/{name}"

    def job(self, job: str) -> str:
        return self._of("job", job)

    def queue(self, name: str) -> str:
        return self._of("job-queue", name)

    def environment(self, name: str) -> str:
        return self._of("compute-environment", name)

    def policy(self, name: str) -> str:
        return self._of("scheduling-policy", name)

    def definition(self, name: str, revision: int) -> str:
        return self._of("job-definition", f"{name}:{revision}")


def name_of(name_or_arn: str) -> str:
    """The name in a name or ARN (`…:job-queue/high` → `high`, `…:job-definition/a:3` → `a:3`)."""
    return name_or_arn.rsplit("/", 1)[-1] if name_or_arn.startswith("arn:") else name_or_arn
