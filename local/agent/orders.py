"""What ECS tells the agent to run, read once into plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MIB = 1024 * 1024
STOP_TIMEOUT = 30.0  #: seconds between SIGTERM and SIGKILL, unless the definition says otherwise
MAX_STOP_TIMEOUT = 120.0


@dataclass(frozen=True, slots=True)
class Container:
    """One container to run: definition and overrides merged.

    `memory` is in bytes, `cpu` in ECS's units (1,024 a vCPU); 0 means no limit of its own.
    """

    name: str
    image: str
    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    memory: int = 0
    cpu: int = 0
    stop_timeout: float = STOP_TIMEOUT
    log_options: Mapping[str, str] = field(default_factory=dict)
    working_directory: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One task to run: its ARN, its cluster's ARN, its container, ECS's own words of it, and the
    keys of its role where it acts as one."""

    task: str
    cluster: str
    container: Container
    record: Mapping[str, Any]
    definition: Mapping[str, Any]
    credentials: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.task.rsplit("/", 1)[-1]

    @property
    def log_stream(self) -> tuple[str, str] | None:
        """Group and stream `<prefix>/<container>/<task id>` of the awslogs driver, if it is used."""
        options = self.container.log_options
        group = options.get("awslogs-group")
        if not group:
            return None
        prefix = options.get("awslogs-stream-prefix")
        stream = f"{prefix}/{self.container.name}/{self.id}" if prefix else self.id
        return group, stream


def read(start: Mapping[str, Any]) -> Order:
    """One entry of Poll's `start`. Batchyard's tasks have one container; others are not run."""
    record, definition = start["task"], start["taskDefinition"]
    containers = definition.get("containerDefinitions") or [{}]
    return Order(
        task=record["taskArn"],
        cluster=record["clusterArn"],
        container=_container(containers[0], record),
        record=record,
        definition=definition,
        credentials=start.get("credentials") or {},
    )


def _container(told: Mapping[str, Any], record: Mapping[str, Any]) -> Container:
    name = str(told.get("name", "default"))
    overrides = (record.get("overrides") or {}).get("containerOverrides") or []
    override: Mapping[str, Any] = next((o for o in overrides if o.get("name") == name), {})
    log = told.get("logConfiguration") or {}
    own = int(override.get("memory") or told.get("memory") or 0)
    limits = [m for m in (own, int(record.get("memory") or 0)) if m]
    timeout = float(told.get("stopTimeout") or STOP_TIMEOUT)
    return Container(
        name=name,
        image=str(told.get("image", "")),
        entry_point=tuple(told.get("entryPoint") or ()),
        command=tuple(override.get("command") or told.get("command") or ()),
        environment=_pairs(told.get("environment")) | _pairs(override.get("environment")),
        secrets=_pairs(told.get("secrets"), "valueFrom"),
        memory=min(limits, default=0) * MIB,
        cpu=int(override.get("cpu") or told.get("cpu") or record.get("cpu") or 0),
        stop_timeout=min(timeout, MAX_STOP_TIMEOUT),
        log_options=dict(log.get("options") or {}) if log.get("logDriver") == "awslogs" else {},
        working_directory=str(told.get("workingDirectory") or ""),
        user=str(told.get("user") or ""),
    )


def _pairs(entries: Any, value: str = "value") -> dict[str, str]:
    return {str(e["name"]): str(e.get(value) or "") for e in entries or ()}
