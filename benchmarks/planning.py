"""How long one planning round takes with so many jobs waiting.

    python -m benchmarks.planning --pending 100000 [--shapes 3000] [--vcpus 4096] [--json]

It calls the very function that the scheduler calls, with every waiting job as a candidate: the
scheduler itself looks at the heads of the lanes, which are fewer.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from typing import Any

from lambdas.core.catalog import Cell, Environment, Queue
from lambdas.core.fargate import SIZES, FargateSize
from lambdas.core.job import JobState, Status
from lambdas.core.scheduling import Plan, PlanRequest, Room, plan
from lambdas.core.shape import Shape

NOW = 1_795_000_000_000
HOUR = 3_600_000
QUEUES = (("high", 100), ("default", 50), ("low", 1))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_argument("--pending", type=int, default=100_000, metavar="N", help="jobs that wait")
    parser.add_argument("--shapes", type=int, default=3000, metavar="N", help="different ones")
    parser.add_argument("--vcpus", type=int, default=4096, metavar="N", help="of each environment")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--json", action="store_true", help="JSON alone, in one line")
    asked = parser.parse_args(arguments)
    for name in ("pending", "shapes", "vcpus"):
        if getattr(asked, name) < 1:
            parser.error(f"--{name} is {getattr(asked, name)}: at least 1 is needed")
    found = figures(asked.pending, asked.shapes, asked.vcpus, asked.seed)
    if not asked.json:
        for name, value in found.items():
            print(f"  {name:<14}{value:>12,}", file=sys.stderr)
    print(json.dumps(found))
    return 0


def figures(pending: int, shapes: int, vcpus: int, seed: int = 1) -> dict[str, Any]:
    """Seconds of one round, and what it decided."""
    request = a_round(pending, shapes, vcpus, seed)
    began = time.perf_counter()
    decided = plan(request)
    round_s = time.perf_counter() - began
    return {
        "pending": pending,
        "shapes": len({job.shape for jobs in request.candidates.values() for job in jobs}),
        "round_s": round(round_s, 4),
        "placed": len(decided.placements),
        "held": len(decided.holds),
        "reasons": len(_reasons(decided)),
    }


def _reasons(decided: Plan) -> set[str]:
    return {hold.reason for hold in decided.holds}


def a_round(pending: int, shapes: int, vcpus: int, seed: int) -> PlanRequest:
    """Jobs of many shapes, ages and priorities in three queues over two environments, one of which
    is nearly full."""
    draw = random.Random(seed)
    kinds = _shapes(draw, shapes)
    candidates: dict[str, list[JobState]] = {name: [] for name, _ in QUEUES}
    for number in range(pending):
        name, _ = QUEUES[number % len(QUEUES)]
        candidates[name].append(_job(draw, number, name, draw.choice(kinds)))
    environments = tuple(
        Environment(name, f"arn:{name}", kind, True, vcpus * 1000)
        for name, kind in (("spot", "FARGATE_SPOT"), ("steady", "FARGATE"))
    )
    queues = tuple(
        Queue(name, f"arn:{name}", priority, True, ("spot", "steady"), name)
        for name, priority in QUEUES
    )
    rooms = {"spot": Room(vcpus * 1000, vcpus * 500), "steady": Room(vcpus * 1000, vcpus * 990)}
    return PlanRequest(Cell("cell", queues, environments), rooms, candidates, NOW)


def _shapes(draw: random.Random, number: int) -> list[str]:
    """Requests as people write them: sizes of Fargate's, with memory of their own."""
    found: dict[str, None] = {}
    while len(found) < number:
        size: FargateSize = draw.choice(SIZES)
        memory = draw.randint(size.memory_mib // 2, size.memory_mib)
        found[Shape("FARGATE", "X86_64", size.milli_vcpus, memory).key] = None
    return list(found)


def _job(draw: random.Random, number: int, queue: str, shape: str) -> JobState:
    return JobState(
        id=f"{number:032x}",
        name="job",
        queue=queue,
        definition="task:1",
        status=Status.RUNNABLE,
        created=NOW - draw.randint(0, HOUR),
        shape=shape,
        ticket=1,
        priority=draw.choice((0, 0, 0, 50)),
        parked=NOW - draw.randint(0, HOUR // 4),
    )


if __name__ == "__main__":
    sys.exit(main())
