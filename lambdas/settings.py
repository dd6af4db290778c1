"""Everything a function is told by its environment, as one frozen value.

`to_env` is called by the stacks, `from_env` by the functions: a name is spelt once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

PREFIX = "BATCHYARD_"


class SettingsError(ValueError):
    """A variable is missing or cannot be read; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One deployment, as its functions see it. Every field becomes `BATCHYARD_<FIELD>`."""

    deployment: str  #: prefix of every name; two deployments fit one account
    partition: str
    region: str
    account: str
    jobs_table: str
    catalog_table: str
    capacity_table: str
    cluster: str  #: ECS cluster's name
    blob_bucket: str  #: requests too large for an item
    job_log_group: str = "/aws/batch/job"
    bell_queue: str = ""  #: URL of the FIFO queue
    effects_queue: str = ""  #: URL: effects to be tried again after a delay
    rejected_queue: str = ""  #: URL: events that could not be turned into a job
    wait_machine: str = ""  #: ARN
    execution_role: str = ""  #: ARN of the default execution role
    pass_roles: tuple[str, ...] = ()  #: ARN patterns (`*` and `?`) a job may be given
    subnets: tuple[str, ...] = ()  #: default network of Fargate environments
    security_groups: tuple[str, ...] = ()
    assign_public_ip: bool = False  #: tasks need an address of their own to reach the internet
    launch_rate: int = 20  #: claims a second and cell; RunTask's default quota
    retention_days: int = 90  #: how long an ended job is kept
    queue_key: str = ""  #: KMS key of SQS queues made by the API; empty: SQS's own
    require_tls: bool = True  #: SQS queues made by the API refuse plain HTTP

    def to_env(self) -> dict[str, str]:
        """The environment of a function; values may hold unresolved deploy-time tokens."""
        return {PREFIX + f.name.upper(): _told(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read a function's environment. Raises SettingsError naming the variable."""
        hints = get_type_hints(cls)
        values: dict[str, Any] = {}
        for f in fields(cls):
            name = PREFIX + f.name.upper()
            if name in env:
                values[f.name] = _read(name, env[name], hints[f.name])
        try:
            return cls(**values)
        except TypeError as error:
            raise SettingsError(f"environment: {error} (variables start with {PREFIX})") from None


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)


def _read(name: str, text: str, kind: Any) -> Any:
    if kind is bool:
        return text == "true"
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise SettingsError(f"{name} is {text!r}: a whole number is needed") from None
    if kind == tuple[str, ...]:
        return tuple(part for part in text.split(",") if part)
    return text
