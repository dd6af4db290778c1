"""What AWS would charge for what a world did: the control plane's calls, and Fargate's time.

The control plane's units and calls are metered at the adapters. Lambda's time is a model, stated
in `MILLISECONDS`: a call's typical latency on AWS, one after the other; only an account can
measure it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from benchmarks import prices
from lambdas.core.fargate import FargateSize
from lambdas.core.metering import Tally

#: Assumed latency of a call inside a function (ms), and of a function's own work per invocation.
MILLISECONDS: Mapping[str, float] = {
    "dynamodb": 6.0,
    "sqs": 8.0,
    "ecs": 120.0,
    "states": 25.0,
    "s3": 25.0,
}
OWN_WORK = 3.0

#: Bytes of structured log a job leaves in the control plane (about ten lines).
LOG_BYTES = 3_500

#: State transitions of one `wait` execution: Why?, the wait, Release, Done and the start.
TRANSITIONS = 5

#: Where a world did not count them: invocations of a job at worst (api, relay ×4, launch, track ×2).
INVOCATIONS = 8


def control_plane(
    tallies: Iterable[Tally],
    jobs: int,
    executions: int,
    invocations: int | None = None,
    requests: int | None = None,
) -> dict[str, float]:
    """Dollars by service for what `jobs` jobs, with so many executions of `wait`, made it do.

    `invocations` of functions and `requests` of the api as a world counted them. The empty polls
    that Lambda's mappings make of queues are not in it: they cost the same however many jobs there
    are (five pollers a queue, each every 20 s, are about $0.26 a month and queue).
    """
    usd: dict[str, float] = defaultdict(float)
    invocations = INVOCATIONS * jobs if invocations is None else invocations
    requests = jobs if requests is None else requests
    busy = invocations * OWN_WORK
    for tally in tallies:
        usd["DynamoDB"] += tally.write_units * prices.WRITE_UNIT
        usd["DynamoDB"] += tally.read_units * prices.READ_UNIT
        if tally.index:
            continue
        price = prices.CALLS.get((tally.service, tally.operation), 0.0)
        usd[tally.service.upper()] += tally.calls * price if price else 0.0
        busy += tally.calls * MILLISECONDS.get(tally.service, 0.0)
    usd["Lambda time"] = busy / 1000 * prices.FUNCTION_GB * prices.GB_SECOND
    usd["Lambda requests"] = invocations * prices.CALLS["lambda", "Invoke"]
    usd["API Gateway"] = requests * prices.CALLS["apigateway", "Request"]
    usd["Step Functions"] = executions * TRANSITIONS * prices.TRANSITION
    usd["Logs"] = jobs * LOG_BYTES / 1e9 * prices.LOG_GB
    return {service: amount for service, amount in usd.items() if amount}


def billed_seconds(pulling: int, running: int) -> int:
    """What Fargate bills of a task that pulled its image and ran so long (ms): from the pull to
    the end, rounded up to a second, and at least a minute."""
    return max(prices.FARGATE_LEAST_SECONDS, -(-(pulling + running) // 1000))


def fargate(size: FargateSize, seconds: int, *, spot: bool) -> float:
    """Dollars for so many billed seconds of a task of this size."""
    hours = seconds / 3600
    vcpus, gigabytes = size.milli_vcpus / 1000, size.memory_mib / 1024
    usd = hours * (vcpus * prices.FARGATE_VCPU_HOUR + gigabytes * prices.FARGATE_GB_HOUR)
    return usd * (1 - prices.FARGATE_SPOT_DISCOUNT) if spot else usd
