"""Fair share over a virtual day: two tenants, weights 1 and 3, both always with jobs waiting.

    python -m benchmarks.fair_share

The production services decide, in virtual time. AWS Batch's rule is that usage times weight
decides, so the tenant of weight 1 is to get three quarters of the vCPU time, whatever the lengths
of the tenants' jobs: here the other's run twice as long.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator

from lambdas.core.job import JobState, state_of
from lambdas.services.catalog_entries import Author
from simulator.fargate import Outcome
from simulator.world import CALLER, MINUTE, World

WEIGHTS = {"light": 1.0, "heavy": 3.0}
RUNS = {"light": 6 * MINUTE, "heavy": 12 * MINUTE}
VCPUS, DAY, BACKLOG = 16, 24 * 60, 5_000


def figures() -> dict[str, float]:
    """The lighter tenant's part of the vCPU time, what the rule gives it, and how far they differ."""
    began = time.process_time()
    world = _saturated()
    world.run(minutes=DAY)
    time_of = Counter[str]()
    for state in _began(world):
        time_of[state.share] += (state.stopped or world.clock.now()) - (state.started or 0)
    part = time_of["light"] / time_of.total()
    rule = (1 / WEIGHTS["light"]) / sum(1 / weight for weight in WEIGHTS.values())
    return {
        "share_of_light": part,
        "share_by_rule": rule,
        "off_by_percent": 100 * abs(part - rule) / rule,
        "used_percent": 100 * time_of.total() / (VCPUS * DAY * MINUTE),
        "cpu_s": time.process_time() - began,
    }


def _saturated() -> World:
    world = World(lambda name, _: Outcome(runs=RUNS[name]))
    world.environment(vcpus=VCPUS)
    world.definition()
    shares = [{"shareIdentifier": s, "weightFactor": w} for s, w in WEIGHTS.items()]
    body = {"name": "fair", "fairsharePolicy": {"shareDistribution": shares}}
    policy = world.platform.policies.create(body, Author(CALLER))["arn"]
    queue = {
        "jobQueueName": "shared",
        "priority": 1,
        "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "fargate"}],
        "schedulingPolicyArn": policy,
    }
    world.platform.queues.create(queue, Author(CALLER))
    for share in WEIGHTS:
        _submit(world, share)
    return world


def _submit(world: World, share: str) -> None:
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}]
    body = {
        "jobName": share,
        "jobQueue": "shared",
        "jobDefinition": "task",
        "shareIdentifier": share,
        "arrayProperties": {"size": BACKLOG},
        "containerOverrides": {"resourceRequirements": needs},
    }
    world.platform.submit.submit(body, CALLER)


def _began(world: World) -> Iterator[JobState]:
    states = (state_of(item) for item in world.tables.jobs.scan() if item["sk"] == "STATE")
    return (state for state in states if state.started is not None)


if __name__ == "__main__":
    print(json.dumps(figures(), indent=2))
