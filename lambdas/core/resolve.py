"""Merging what a job definition says with what SubmitJob says, by AWS Batch's rules.

The result is everything that a job is, before it has an id: its container with overrides merged
and `Ref::` replaced, the shape that decides where it fits, and what RunTask must be told beyond
the definition's own task definition. The request has been checked against AWS Batch's model before
(types are as they should be); the rules that the model does not say are checked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.core import arrays, extensions, rules
from lambdas.core.catalog import Definition
from lambdas.core.errors import ClientError, InvalidRequest
from lambdas.core.job import child_id, family
from lambdas.core.placeholders import replaced_in
from lambdas.core.rules_definition import check_fit
from lambdas.core.shape import Shape

_JOB_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:[:#][0-9]{1,8})?")

_LATER = {
    "nodeOverrides": "multi-node jobs come later.",
    "ecsPropertiesOverride": "only jobs with containerProperties are: use containerOverrides.",
    "eksPropertiesOverride": "there are no Kubernetes environments: use containerOverrides.",
    "consumableResourcePropertiesOverride": "consumable resources come later.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A job without an id; the fields are those of JobSpec, and the shape."""

    container: Mapping[str, Any]
    overrides: Mapping[str, Any]
    shape: Shape
    parameters: Mapping[str, str]
    retry: Mapping[str, Any]
    timeout: int | None
    depends_on: tuple[Mapping[str, str], ...]
    tags: Mapping[str, str]
    task_tags: Mapping[str, str]
    propagate_tags: bool
    extensions: Mapping[str, str]
    priority: int | None
    size: int = 0  #: children, of an array
    parallel: int = 0  #: how many of them may be under way at once; 0: any number


def resolve(body: Mapping[str, Any], definition: Definition) -> Resolved:
    """Merge SubmitJob's `body` with its definition. Raises ClientError: one sentence, no effect."""
    detail = definition.detail
    rules.name("jobName", body["jobName"])
    for member, why in _LATER.items():
        rules.refuse("", body, (member,), why)
    parameters = merged_parameters(detail.get("parameters", {}), body.get("parameters") or {})
    tags = body.get("tags") or {}
    rules.tags("tags", tags)
    extended = _extensions(detail.get("tags", {}), tags)
    asked = body.get("containerOverrides") or {}
    container, overrides = merged_container(detail, asked, parameters, extended)
    size = _size(body.get("arrayProperties") or {})
    depends_on = dependencies_of(body.get("dependsOn") or (), size)
    parallel = _parallel(extended, tags, size, depends_on)
    propagate = body.get("propagateTags")
    propagate = bool(detail.get("propagateTags") if propagate is None else propagate)
    return Resolved(
        container=container,
        overrides=overrides,
        shape=shape_of(container, detail["platformCapabilities"][0]),
        parameters=parameters,
        retry=_retry(body, detail),
        timeout=_timeout(body, detail),
        depends_on=depends_on,
        tags=tags,
        task_tags=_task_tags(detail.get("tags", {}), tags) if propagate else {},
        propagate_tags=propagate,
        extensions=extended,
        priority=_priority(body, detail),
        size=size,
        parallel=parallel,
    )


# ── the container ─────────────────────────────────────────────────────────────────────────────


def merged_container(
    detail: Mapping[str, Any],
    asked: Mapping[str, Any],
    parameters: Mapping[str, str],
    extended: Mapping[str, str],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the container as it will run, what RunTask must override of the definition's)."""
    base = detail["containerProperties"]
    _check_overrides(asked)
    raw = list(asked.get("command") or base.get("command") or ())
    command = replaced_in(raw, parameters)
    environment = merged_environment(base.get("environment") or (), asked.get("environment") or ())
    requirements = merged_requirements(
        base.get("resourceRequirements") or (), asked.get("resourceRequirements") or ()
    )
    container = {
        **base,
        "command": command,
        "environment": environment,
        "resourceRequirements": requirements,
    }
    overrides: dict[str, Any] = {}
    if command != list(base.get("command") or ()):
        overrides["command"] = command
    if asked.get("environment"):
        overrides["environment"] = merged_environment((), asked["environment"])
    if "disk-gib" in extended:
        overrides["disk"] = extensions.disk_gib(extended["disk-gib"])
        container["ephemeralStorage"] = {"sizeInGiB": overrides["disk"]}
    _refuse_nul(command, environment)
    return {k: v for k, v in container.items() if v not in ([], {}, None)}, overrides


def merged_environment(
    base: Iterable[Mapping[str, str]], asked: Iterable[Mapping[str, str]]
) -> list[dict[str, str]]:
    """By name: SubmitJob's value in the definition's place, new names after; the last one wins."""
    values = {v["name"]: v.get("value", "") for v in (*base, *asked)}
    return [{"name": name, "value": value} for name, value in values.items()]


def merged_requirements(
    base: Iterable[Mapping[str, str]], asked: Iterable[Mapping[str, str]]
) -> list[dict[str, str]]:
    """By type: SubmitJob's value instead of the definition's."""
    values = {r["type"]: r["value"] for r in (*base, *asked)}
    return [{"type": kind, "value": value} for kind, value in values.items()]


def merged_parameters(base: Mapping[str, str], asked: Mapping[str, str]) -> dict[str, str]:
    """SubmitJob's value instead of the definition's default."""
    rules.parameters("parameters", asked)
    return {**base, **asked}


def shape_of(container: Mapping[str, Any], platform: str) -> Shape:
    """What the container needs of a host. Raises ClientError when no Fargate size can hold it."""
    milli_vcpus, memory = rules.needs(container["resourceRequirements"])
    check_fit("containerOverrides.resourceRequirements", milli_vcpus, memory)
    architecture = container.get("runtimePlatform", {}).get("cpuArchitecture", "X86_64")
    disk = container.get("ephemeralStorage", {}).get("sizeInGiB", 0)
    return Shape(platform, architecture, milli_vcpus, memory, disk=disk)


def _check_overrides(asked: Mapping[str, Any]) -> None:
    path = "containerOverrides"
    rules.refuse(path, asked, ("vcpus", "memory"), "use resourceRequirements on Fargate.")
    rules.refuse(path, asked, ("instanceType",), "Fargate jobs do not have it.")
    rules.environment(f"{path}.environment", asked.get("environment") or ())
    rules.resources(f"{path}.resourceRequirements", asked.get("resourceRequirements") or ())
    for index, element in enumerate(asked.get("command") or ()):
        if element == "":
            raise InvalidRequest(
                f"{path}.command[{index}]", "", "a text with characters is needed."
            )


def _refuse_nul(command: list[str], environment: list[dict[str, str]]) -> None:
    """No operating system can pass the character NUL to a process."""
    told = [*command, *(text for variable in environment for text in variable.values())]
    if any("\0" in text for text in told):
        raise ClientError("The command and the environment must not hold the character NUL.")


# ── the rest ──────────────────────────────────────────────────────────────────────────────────


def dependencies_of(
    asked: Iterable[Mapping[str, str]], size: int = 0
) -> tuple[dict[str, str], ...]:
    """`dependsOn`, each once, in the order given; any number of them. `size` is of this array.

    On a whole job, or a child of an array (`<id>:<index>`); `N_TO_N` on an array of this size,
    index by index; `SEQUENTIAL`, without a job, on the child before.
    """
    kept: dict[tuple[str, str], None] = {}
    for index, dependency in enumerate(asked):
        path = f"dependsOn[{index}]"
        job, kind = dependency.get("jobId", ""), dependency.get("type", "")
        if kind and not size:
            raise InvalidRequest(f"{path}.type", kind, "this job is no array: give it no type.")
        if kind == "SEQUENTIAL":
            if job:
                raise InvalidRequest(
                    f"{path}.jobId", job, "SEQUENTIAL speaks of this array: name no job."
                )
        else:
            job = _dependency(path, job, kind)
        kept[job, kind] = None
    told = ({"jobId": job, "type": kind} for job, kind in kept)
    return tuple({name: value for name, value in one.items() if value} for one in told)


def _dependency(path: str, job: str, kind: str) -> str:
    """The id of a job or child, as it is kept: an index without zeros before it."""
    if not is_job_id(job) or "#" in job:
        raise InvalidRequest(f"{path}.jobId", job, "the id of a job is needed.")
    array, index = family(job)
    if index is None:
        return job
    if kind:
        raise InvalidRequest(f"{path}.jobId", job, "N_TO_N is on a whole array: name it.")
    return child_id(array, index)


def is_job_id(text: str) -> bool:
    """A job's id, an array child's (`<id>:<index>`) or a node's (`<id>#<index>`)."""
    return _JOB_ID.fullmatch(text) is not None


def _retry(body: Mapping[str, Any], detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """SubmitJob's strategy replaces the definition's as a whole."""
    strategy: Mapping[str, Any] = body.get("retryStrategy") or {}
    rules.retry_strategy("retryStrategy", strategy)
    if strategy:
        return rules.normalised_retry(strategy)
    kept: Mapping[str, Any] = detail.get("retryStrategy", {})
    return kept


def _timeout(body: Mapping[str, Any], detail: Mapping[str, Any]) -> int | None:
    asked = body.get("timeout") or {}
    rules.timeout("timeout", asked)
    seconds: int | None = (asked or detail.get("timeout", {})).get("attemptDurationSeconds")
    return seconds


def _size(asked: Mapping[str, Any]) -> int:
    """How many children; AWS Batch allows 2 to 10,000."""
    size = asked.get("size")
    if size is None:
        return 0
    if not 1 <= size <= arrays.LARGEST:
        allowed = f"1 to {arrays.LARGEST:,} is allowed."
        raise InvalidRequest("arrayProperties.size", size, allowed)
    return int(size)


def _priority(body: Mapping[str, Any], detail: Mapping[str, Any]) -> int | None:
    asked: int | None = body.get("schedulingPriorityOverride")
    if asked is not None:
        rules.job_priority("schedulingPriorityOverride", asked)
        return asked
    kept: int | None = detail.get("schedulingPriority")
    return kept


def _parallel(
    extended: Mapping[str, str],
    tags: Mapping[str, str],
    size: int,
    depends_on: Iterable[Mapping[str, str]],
) -> int:
    """How many children may be under way at once (0: any number); a definition's cap says nothing
    of a job that is no array."""
    most = extensions.max_parallel(extended)
    field = f"{extensions.PREFIX}max-parallel"
    if most and not size and field in tags:
        raise InvalidRequest(f"tags.{field}", str(most), "this job is no array: give it no cap.")
    if most and any(dependency.get("type") for dependency in depends_on):
        raise InvalidRequest(
            f"tags.{field}",
            str(most),
            "children that wait for single others (N_TO_N, SEQUENTIAL) have no cap.",
        )
    return most if size else 0


def _extensions(base: Mapping[str, str], asked: Mapping[str, str]) -> dict[str, str]:
    """Of definition and job, the job's first."""
    kept = extensions.read(base, "the job definition's tags", of_job=False)
    return {**kept, **extensions.read(asked, "tags", of_job=True)}


def _task_tags(base: Mapping[str, str], asked: Mapping[str, str]) -> dict[str, str]:
    """What reaches the ECS task: both, the job's first, without ours.

    AWS Batch fails a job with more than 50; here it is refused before it is one.
    """
    _, tags = extensions.split({**base, **asked})
    if len(tags) > rules.MOST_TAGS:
        raise ClientError(
            f"tags and the job definition's tags are {len(tags)} together: "
            f"at most {rules.MOST_TAGS} can be propagated."
        )
    return tags
