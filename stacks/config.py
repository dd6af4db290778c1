"""What a deployer may choose, read from CDK context (`batchyard:…` keys) as one frozen value.

Decisions are taken at synthesis: templates hold no conditions, so what is reviewed is what is
deployed. Keys and their meaning are listed in docs/configuration.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PREFIX = "batchyard:"
PROFILES = ("public", "private", "existing")
ASSETS = ("vendored", "source")
_DEPLOYMENT = re.compile(r"[a-z][a-z0-9-]{0,19}(?<!-)")

Context = Callable[[str], Any]


class ConfigError(ValueError):
    """A context key is missing or has a value that is not allowed; one sentence names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Where tasks run.

    `public`: a VPC of our own, tasks with an address, nothing inbound, nothing to pay when idle.
    `private`: a VPC without internet; interface endpoints are paid by the hour.
    `existing`: the subnets and security groups given here.
    """

    profile: str = "public"
    cidr: str = "10.42.0.0/16"
    zones: int = 2
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    assign_public_ip: bool = True
    flow_logs: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentConfig:
    """One deployment of Batchyard; every field is the context key of the same name in camelCase."""

    deployment: str = "batchyard"
    network: Network = field(default_factory=Network)
    pass_roles: tuple[str, ...] = ()  #: ARN patterns beside the path /batchyard/jobs/
    ephemeral: bool = False  #: stateful resources go with their stack
    require_tls: bool = True  #: refuse plain HTTP to queues and buckets
    container_insights: bool = True
    asset: str = "vendored"  #: `source`: our code only, for a runtime that has the libraries
    retention_days: int = 90  #: how long an ended job is kept
    log_retention_days: int = 30
    alarm_topics: tuple[str, ...] = ()  #: ARNs of SNS topics that alarms notify
    api_rate: int = 500  #: requests a second
    api_burst: int = 1000
    compute_environments: tuple[Mapping[str, Any], ...] = ()
    job_queues: tuple[Mapping[str, Any], ...] = ()
    job_definitions: tuple[Mapping[str, Any], ...] = ()
    triggers: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def read(cls, context: Context) -> DeploymentConfig:
        """The configuration in a CDK context. Raises ConfigError naming the key."""
        values: dict[str, Any] = {}
        for name, read in _READERS.items():
            key = PREFIX + _camel(name)
            value = context(key)
            if value is not None:
                values[name] = read(key, value)
        config = cls(**values)
        if not _DEPLOYMENT.fullmatch(config.deployment):
            raise ConfigError(
                f"{PREFIX}deployment is {config.deployment!r}: 1 to 20 lower-case letters, digits "
                "and hyphens are allowed, the first a letter"
            )
        return config


#: What the embedded local cloud needs beside cdk.json: it speaks plain HTTP, has no flow logs,
#: and runs functions in the interpreter that runs it, where the libraries are installed.
LOCAL_CONTEXT: Mapping[str, Any] = {
    f"{PREFIX}ephemeral": True,
    f"{PREFIX}requireTls": False,
    f"{PREFIX}asset": "source",
    f"{PREFIX}passRoles": ["*"],
    f"{PREFIX}network": {"profile": "public", "flowLogs": False},
}


# ── reading ───────────────────────────────────────────────────────────────────────────────────


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{key} is {value!r}: a text is needed")
    return value


def _flag(key: str, value: Any) -> bool:
    """`-c key=true` on the command line arrives as text."""
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise ConfigError(f"{key} is {value!r}: true or false is needed")


def _number(key: str, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if number < 1 or isinstance(value, bool):
        raise ConfigError(f"{key} is {value!r}: a whole number of at least 1 is needed")
    return number


def _texts(key: str, value: Any) -> tuple[str, ...]:
    """A list, or on the command line text with commas."""
    if isinstance(value, str):
        value = [part for part in value.split(",") if part]
    if not _is_list(value) or not all(isinstance(part, str) for part in value):
        raise ConfigError(f"{key} is {value!r}: a list of texts is needed")
    return tuple(value)


def _objects(key: str, value: Any) -> tuple[Mapping[str, Any], ...]:
    if not _is_list(value) or not all(isinstance(part, Mapping) for part in value):
        raise ConfigError(f"{key} is {value!r}: a list of objects is needed")
    return tuple(value)


def _one_of(allowed: Sequence[str]) -> Callable[[str, Any], str]:
    def read(key: str, value: Any) -> str:
        if value not in allowed:
            raise ConfigError(f"{key} is {value!r}: one of {', '.join(allowed)} is needed")
        return str(value)

    return read


def _network(key: str, value: Any) -> Network:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{key} is {value!r}: an object with a profile is needed")
    values: dict[str, Any] = {}
    for name, given in value.items():
        field_name = _snake(name)
        if field_name not in _NETWORK_READERS:
            allowed = ", ".join(_camel(known) for known in _NETWORK_READERS)
            raise ConfigError(f"{key}.{name} is not known: {allowed} are allowed")
        values[field_name] = _NETWORK_READERS[field_name](f"{key}.{name}", given)
    network = Network(**values)
    if network.zones > 6:
        raise ConfigError(f"{key}.zones is {network.zones}: 1 to 6 zones are allowed")
    _check_ids(key, network)
    return network


def _check_ids(key: str, network: Network) -> None:
    """The `existing` profile needs ids, the others make their own."""
    for name in ("subnets", "security_groups"):
        given = getattr(network, name)
        if network.profile == "existing" and not given:
            raise ConfigError(f"{key}.{_camel(name)} is empty: the profile existing needs ids")
        if network.profile != "existing" and given:
            raise ConfigError(
                f"{key}.{_camel(name)} is {given!r}: only the profile existing takes ids, "
                f"not {network.profile}"
            )


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), name)


_NETWORK_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "profile": _one_of(PROFILES),
    "cidr": _text,
    "zones": _number,
    "subnets": _texts,
    "security_groups": _texts,
    "assign_public_ip": _flag,
    "flow_logs": _flag,
}
_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "deployment": _text,
    "network": _network,
    "pass_roles": _texts,
    "ephemeral": _flag,
    "require_tls": _flag,
    "container_insights": _flag,
    "asset": _one_of(ASSETS),
    "retention_days": _number,
    "log_retention_days": _number,
    "alarm_topics": _texts,
    "api_rate": _number,
    "api_burst": _number,
    "compute_environments": _objects,
    "job_queues": _objects,
    "job_definitions": _objects,
    "triggers": _objects,
}
