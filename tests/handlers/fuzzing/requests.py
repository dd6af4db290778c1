"""Requests that this platform must accept: right by AWS Batch's model, and by its rules for Fargate."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from lambdas.core.fargate import SIZES
from lambdas.core.time_limits import REASONS
from tests.handlers.fuzzing.judge import SECRET

Body = dict[str, Any]
Bodies = st.SearchStrategy[Body]

#: Text that JSON, DynamoDB and a process can hold: no half of a surrogate pair, no NUL.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
SOME_TEXT = TEXT.filter(bool)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True) | st.just("x" * 128)
WORDS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)
VARIABLES = WORDS.filter(lambda name: not name.startswith("AWS_BATCH"))
ROLES = st.sampled_from(
    [
        "arn:aws:iam::123456789012:role/batchyard/jobs/run",
        "arn:aws-us-gov:iam::000000000001:role/a=b,c.d@e-f+g_h",
    ]
)


def maybe(
    needed: dict[str, st.SearchStrategy[Any]], optional: dict[str, st.SearchStrategy[Any]]
) -> Bodies:
    return st.fixed_dictionaries(needed, optional=optional)


def tags(most: int = 4) -> st.SearchStrategy[dict[str, str]]:
    """In the alphabet of every AWS service."""
    marks = st.characters(categories=["Lu", "Ll", "Nd"]) | st.sampled_from(" _.:/=+-@")
    keys = st.text(marks, min_size=1, max_size=12).filter(
        lambda key: not key.lower().startswith(("aws:", "batchyard:"))
    )
    return st.dictionaries(keys, st.text(marks, max_size=12), max_size=most)


# ── parts ─────────────────────────────────────────────────────────────────────────────────────

ENVIRONMENT = st.lists(
    maybe({"name": VARIABLES}, {"value": st.just(SECRET) | TEXT}),
    max_size=4,
    unique_by=lambda variable: variable["name"],
)
COMMAND = st.lists(
    SOME_TEXT | st.lists(SOME_TEXT | WORDS.map("Ref::{}".format), max_size=3).map(" ".join),
    max_size=4,
).map(lambda command: [element or "-" for element in command])
PARAMETERS = st.dictionaries(WORDS, TEXT | st.just("Ref::a"), max_size=4)
TIMEOUT = st.fixed_dictionaries(
    {}, optional={"attemptDurationSeconds": st.sampled_from([60, 61, 86_400, 2**31 - 1])}
)
DISK = st.fixed_dictionaries({"sizeInGiB": st.integers(21, 200)})

_PATTERN = st.from_regex(r"[A-Za-z0-9.: ]{1,20}\*?", fullmatch=True)
_RULE = maybe(
    {"action": st.sampled_from(["RETRY", "EXIT", "retry", "Exit"])},
    {
        "onStatusReason": _PATTERN,
        "onReason": _PATTERN,
        "onExitCode": st.from_regex(r"[0-9]{1,3}\*?", fullmatch=True),
    },
)
RETRY = st.just({}) | maybe(
    {"attempts": st.integers(1, 10)}, {"evaluateOnExit": st.lists(_RULE, max_size=5)}
)


@st.composite
def requirements(draw: st.DrawFn) -> list[dict[str, str]]:
    """What some Fargate size holds, of a vCPU or a few: the world's environment has sixteen."""
    size = draw(st.sampled_from([size for size in SIZES if size.milli_vcpus <= 16_000]))
    vcpus = draw(st.sampled_from([f"{size.milli_vcpus / 1000:g}", "0.25", "0.1", "1.000"]))
    memory = draw(st.sampled_from([str(size.memory_mib), "4", "0512"]))
    both = [{"type": "VCPU", "value": vcpus}, {"type": "MEMORY", "value": memory}]
    return draw(st.permutations(both))


_SECRETS = st.lists(
    st.fixed_dictionaries({"name": WORDS, "valueFrom": st.just("arn:aws:ssm:x:1:parameter/p")}),
    max_size=2,
)
_LOGS = maybe(
    {"logDriver": st.sampled_from(["awslogs", "splunk"])},
    {
        "options": st.dictionaries(SOME_TEXT | st.just("awslogs-stream-prefix"), TEXT, max_size=2),
        "secretOptions": _SECRETS,
    },
)
_EFS = maybe(
    {"fileSystemId": st.just("fs-0123")},
    {
        "rootDirectory": TEXT,
        "transitEncryption": st.sampled_from(["ENABLED", "DISABLED"]),
        "transitEncryptionPort": st.integers(0, 65535),
        "authorizationConfig": st.fixed_dictionaries(
            {}, optional={"accessPointId": TEXT, "iam": st.sampled_from(["ENABLED", "DISABLED"])}
        ),
    },
)
_VOLUME = st.fixed_dictionaries({}, optional={"host": st.just({}), "efsVolumeConfiguration": _EFS})
_NOFILE = st.fixed_dictionaries(
    {
        "name": st.just("nofile"),
        "hardLimit": st.integers(0, 2**31 - 1),
        "softLimit": st.integers(0, 2**31 - 1),
    }
)
_PLATFORM = st.fixed_dictionaries(
    {},
    optional={
        "operatingSystemFamily": st.just("LINUX"),
        "cpuArchitecture": st.sampled_from(["X86_64", "ARM64"]),
    },
)

#: Every member of containerProperties that Fargate has, but volumes and mountPoints.
CONTAINER_PARTS: dict[str, st.SearchStrategy[Any]] = {
    "command": COMMAND,
    "jobRoleArn": ROLES,
    "executionRoleArn": ROLES,
    "environment": ENVIRONMENT,
    "readonlyRootFilesystem": st.booleans(),
    "ulimits": st.lists(_NOFILE, max_size=2),
    "user": TEXT,
    "linuxParameters": st.just({}) | st.fixed_dictionaries({"initProcessEnabled": st.booleans()}),
    "logConfiguration": _LOGS,
    "secrets": _SECRETS,
    "networkConfiguration": st.fixed_dictionaries(
        {}, optional={"assignPublicIp": st.sampled_from(["ENABLED", "DISABLED"])}
    ),
    "fargatePlatformConfiguration": st.fixed_dictionaries(
        {}, optional={"platformVersion": st.sampled_from(["LATEST", "1.4.0"])}
    ),
    "enableExecuteCommand": st.booleans(),
    "ephemeralStorage": DISK,
    "runtimePlatform": _PLATFORM,
    "repositoryCredentials": st.just({"credentialsParameter": "arn:aws:secretsmanager:x:1:s"}),
}


@st.composite
def containers(draw: st.DrawFn) -> Body:
    image = st.from_regex(r"[A-Za-z0-9_.:/#@+-]{1,40}", fullmatch=True) | st.just("i" * 255)
    needed = {"image": image, "resourceRequirements": requirements()}
    container = draw(maybe(needed, CONTAINER_PARTS))
    names = draw(st.lists(NAMES, max_size=2, unique=True))
    if draw(st.booleans()):
        container["volumes"] = [{"name": name, **draw(_VOLUME)} for name in names]
        mounts = st.fixed_dictionaries(
            {}, optional={"containerPath": TEXT, "readOnly": st.booleans()}
        )
        mounted = draw(st.lists(st.sampled_from(names), max_size=2)) if names else []
        container["mountPoints"] = [{"sourceVolume": name, **draw(mounts)} for name in mounted]
    return container


# ── requests ──────────────────────────────────────────────────────────────────────────────────


def definitions(names: st.SearchStrategy[str] = NAMES) -> Bodies:
    """RegisterJobDefinition."""
    return maybe(
        {
            "jobDefinitionName": names,
            "type": st.just("container"),
            "platformCapabilities": st.just(["FARGATE"]),
            "containerProperties": containers(),
        },
        {
            "parameters": PARAMETERS,
            "schedulingPriority": st.integers(0, 9999),
            "retryStrategy": RETRY,
            "timeout": TIMEOUT,
            "propagateTags": st.booleans(),
            "tags": tags()
            | st.sampled_from([{"batchyard:backoff": "10s"}, {"batchyard:disk-gib": "30"}]),
        },
    )


STATES = st.sampled_from(["ENABLED", "DISABLED"])
_SUBNETS = st.lists(st.from_regex(r"subnet-[0-9a-f]{4,17}", fullmatch=True), max_size=3)
_GROUPS = st.lists(st.from_regex(r"sg-[0-9a-f]{4,17}", fullmatch=True), max_size=3)
_RESOURCES: dict[str, st.SearchStrategy[Any]] = {
    "subnets": _SUBNETS,
    "securityGroupIds": _GROUPS,
}
_KINDS = st.sampled_from(["FARGATE", "FARGATE_SPOT"])


def environments(names: st.SearchStrategy[str] = NAMES) -> Bodies:
    """CreateComputeEnvironment."""
    kind = {"type": _KINDS, "maxvCpus": st.integers(1, 1_000_000)}
    return maybe(
        {
            "computeEnvironmentName": names,
            "type": st.just("MANAGED"),
            "computeResources": maybe(kind, _RESOURCES),
        },
        {"state": STATES, "serviceRole": TEXT, "context": TEXT, "tags": tags()},
    )


def environment_updates(names: st.SearchStrategy[str]) -> Bodies:
    """UpdateComputeEnvironment."""
    resources = maybe({}, {**_RESOURCES, "maxvCpus": st.integers(1, 1_000_000)})
    policy = st.fixed_dictionaries(
        {},
        optional={
            "terminateJobsOnUpdate": st.booleans(),
            "jobExecutionTimeoutMinutes": st.integers(1, 7200),
        },
    )
    return maybe(
        {"computeEnvironment": names},
        {
            "state": STATES,
            "serviceRole": TEXT,
            "context": TEXT,
            "updatePolicy": policy,
            "computeResources": resources,
        },
    )


@st.composite
def orders(draw: st.DrawFn, names: st.SearchStrategy[str]) -> list[Body]:
    """computeEnvironmentOrder, in any order."""
    named = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    ranks = draw(
        st.lists(st.integers(-5, 2**31 - 1), min_size=len(named), max_size=len(named), unique=True)
    )
    pairs = zip(ranks, named, strict=True)
    return [{"order": rank, "computeEnvironment": name} for rank, name in pairs]


def time_limits() -> st.SearchStrategy[list[dict[str, Any]]]:
    """jobStateTimeLimitActions."""
    limit = st.fixed_dictionaries(
        {
            "reason": st.sampled_from(REASONS),
            "state": st.just("RUNNABLE"),
            "maxTimeSeconds": st.integers(600, 86_400),
            "action": st.sampled_from(["CANCEL", "TERMINATE"]),
        }
    )
    return st.lists(limit, max_size=3, unique_by=lambda each: str(each["reason"]))


def queues(names: st.SearchStrategy[str], environment: st.SearchStrategy[str]) -> Bodies:
    """CreateJobQueue."""
    return maybe(
        {
            "jobQueueName": names,
            "priority": st.integers(0, 1000),
            "computeEnvironmentOrder": orders(environment),
        },
        {
            "state": STATES,
            "jobQueueType": st.just("ECS_FARGATE"),
            "tags": tags(),
            "jobStateTimeLimitActions": time_limits(),
        },
    )


def queue_updates(names: st.SearchStrategy[str], environment: st.SearchStrategy[str]) -> Bodies:
    """UpdateJobQueue."""
    return maybe(
        {"jobQueue": names},
        {
            "state": STATES,
            "priority": st.integers(0, 1000),
            "computeEnvironmentOrder": orders(environment),
            "jobStateTimeLimitActions": time_limits(),
        },
    )


_SHARES = st.lists(
    maybe(
        {"shareIdentifier": st.from_regex(r"[A-Za-z0-9]{1,5}\*?", fullmatch=True)},
        {"weightFactor": st.integers(1, 9_999_999).map(lambda weight: weight / 10_000)},
    ),
    max_size=3,
)
FAIR = maybe(
    {},
    {
        "shareDecaySeconds": st.integers(0, 604_800),
        "computeReservation": st.integers(0, 99),
        "shareDistribution": _SHARES,
    },
)


_OVERRIDES = maybe(
    {}, {"command": COMMAND, "environment": ENVIRONMENT, "resourceRequirements": requirements()}
)


def submits(queue: str, definition: str, jobs: st.SearchStrategy[str] | None = None) -> Bodies:
    """SubmitJob; `jobs` are ids that it may wait for."""
    waits = st.lists(jobs, max_size=3) if jobs is not None else st.just([])
    return maybe(
        {"jobName": NAMES, "jobQueue": st.just(queue), "jobDefinition": st.just(definition)},
        {
            "parameters": PARAMETERS,
            "containerOverrides": _OVERRIDES,
            "retryStrategy": RETRY,
            "timeout": TIMEOUT,
            "propagateTags": st.booleans(),
            "schedulingPriorityOverride": st.integers(0, 9999),
            "tags": tags() | st.just({"batchyard:backoff": "10s x2 max 1m"}),
            "dependsOn": waits.map(lambda ids: [{"jobId": job} for job in ids]),
        },
    )
