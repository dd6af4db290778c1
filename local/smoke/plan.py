"""What a smoke run makes, the most it can cost, and how long it takes: decided before anything.

The bound is of list prices (us-east-1, as in `benchmarks.prices` and `stacks.costs`) times the most
that can run at once for as long as the watchdog lets it; other Regions are counted double.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import prices
from stacks.config import PREFIX, DeploymentConfig
from stacks.costs import HOURS, PRICED, idle

NAME = re.compile(r"byd-smoke-[a-z0-9]{6}")
STACKS = ("data", "compute", "control-plane", "workload", "observability")

IMAGE = "public.ecr.aws/docker/library/busybox:1.36"
QUEUE = "smoke"
ENVIRONMENT = "smoke"
TRIGGER = "told"

MAX_VCPUS = 4
SMALLEST_TASK = 0.25  #: vCPUs: all of ours
GIB_A_VCPU = 8  #: the most memory that Fargate gives with 0.25 vCPUs
MOST_JOBS = 40
MINUTES = 45  #: until the watchdog removes everything
REMOVAL = 20  #: minutes that removing may take on top
EXPECTED = "20 to 30 minutes"

# Fargate on x86 and an address of one's own, an hour, list prices of us-east-1.
VCPU_HOUR = 0.04048
GIB_HOUR = 0.004445
ADDRESS_HOUR = 0.005
#: The control plane of one job, ten times what `make bench` counts for one that waits.
JOB = 0.0015
#: Functions' code, logs of jobs and functions, requests by hand.
LOG_GB = 0.1
ELSEWHERE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run. Nothing outside `deployment` is made, and nothing else is ever removed."""

    deployment: str
    account: str
    region: str
    caller: str
    minutes: int = MINUTES

    @property
    def stacks(self) -> list[str]:
        """In the order in which they are deployed."""
        return [f"{self.deployment}-{name}" for name in STACKS]

    def context(self) -> dict[str, Any]:
        """What goes over cdk.json: small, short-lived, and gone with its stacks."""
        return {
            f"{PREFIX}{name}": value
            for name, value in {
                "deployment": self.deployment,
                "ephemeral": True,
                # Metrics by task definition family would be billed as long as they are new.
                "containerInsights": False,
                "retentionDays": 1,
                "logRetentionDays": 1,
                **_workload(self.deployment),
            }.items()
        }

    def costs(self) -> dict[str, float]:
        """Dollars at most, by what is paid for, until the end of removal."""
        hours = (self.minutes + REMOVAL) / 60
        tasks = MAX_VCPUS / SMALLEST_TASK
        config = DeploymentConfig.read(self.context().get)
        bound = {
            "Fargate": hours * MAX_VCPUS * (VCPU_HOUR + GIB_A_VCPU * GIB_HOUR),
            "task addresses": hours * tasks * ADDRESS_HOUR,
            "control plane": MOST_JOBS * JOB,
            "alarms, polls, reconcile": hours / HOURS * sum(i.monthly for i in idle(config)),
            "logs": LOG_GB * prices.LOG_GB,
        }
        factor = 1.0 if self.region == "us-east-1" else ELSEWHERE
        return {name: factor * usd for name, usd in bound.items()}

    def at_most(self) -> float:
        """Dollars, rounded up to the next ten cents."""
        return -(-sum(self.costs().values()) // 0.1) / 10

    def told(self) -> str:
        """All that a person should know before agreeing."""
        where = PRICED if self.region == "us-east-1" else f"twice {PRICED}"
        costs = ", ".join(f"{name} ${usd:.2f}" for name, usd in self.costs().items())
        return "\n".join(
            (
                f"Account     {self.account} as {self.caller}",
                f"Region      {self.region}",
                f"Deployment  {self.deployment}, of its own: nothing else is touched",
                "Makes       5 CloudFormation stacks: 3 tables, 3 buckets, a VPC with public subnets",
                "            and no NAT gateway, an ECS cluster, functions, queues, a state machine,",
                "            an HTTP API behind IAM, rules, alarms; the log group /aws/batch/job if",
                f"            the account has none. Then up to {MOST_JOBS} Fargate jobs, each of "
                f"{SMALLEST_TASK} vCPUs,",
                f"            at most {MAX_VCPUS} vCPUs at once.",
                f"Costs       at most ${self.at_most():.2f} (list prices, {where}):",
                f"            {costs}",
                f"Takes       {EXPECTED}; after {self.minutes} minutes, on Ctrl-C and on any failure "
                "all of it is removed.",
                "Leaves      the zip of the functions (about 30 MB) in the account's CDK bootstrap "
                "bucket.",
            )
        )


def new_name() -> str:
    """A name that no other deployment has: `byd-smoke-` and six characters."""
    alphabet = string.ascii_lowercase + string.digits
    return "byd-smoke-" + "".join(secrets.choice(alphabet) for _ in range(6))


def definition(deployment: str, name: str) -> str:
    """Job definitions carry the deployment's name: their log streams are told apart by it."""
    return f"{deployment}-{name}"


def container(command: list[str], memory: int = 512) -> dict[str, Any]:
    """containerProperties of the smallest task."""
    needs = {"VCPU": str(SMALLEST_TASK), "MEMORY": str(memory)}
    requirements = [{"type": kind, "value": value} for kind, value in needs.items()]
    return {"image": IMAGE, "command": command, "resourceRequirements": requirements}


def _workload(deployment: str) -> Mapping[str, Any]:
    """One environment, one queue, and a trigger whose job says which object it was told of."""
    told = definition(deployment, TRIGGER)
    say = ["sh", "-c", 'printf "key=%s\\n" "$BATCHYARD_INPUT_KEY"']
    submit = {"jobQueue": QUEUE, "jobDefinition": told}
    return {
        "computeEnvironments": [{"name": ENVIRONMENT, "type": "FARGATE", "maxvCpus": MAX_VCPUS}],
        "jobQueues": [{"name": QUEUE, "priority": 1, "computeEnvironments": [ENVIRONMENT]}],
        "jobDefinitions": [{"name": told, "containerProperties": container(say)}],
        "triggers": [
            {"id": TRIGGER, "bucket": "input", "prefix": f"{TRIGGER}/", "submitJob": submit}
        ],
    }
