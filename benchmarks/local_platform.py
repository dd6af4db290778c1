"""How quickly the local platform runs jobs that do nothing, and how quickly it comes up."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from local.platform import LocalPlatform, up
from local.ports import Ports

ROOT = Path(__file__).resolve().parent.parent

#: No job of these runs takes longer than this (seconds).
PATIENCE = 300.0


def figures(one_by_one: int = 20, at_once: int = 200) -> dict[str, Any]:
    """Latency of `one_by_one` no-op jobs in turn, throughput of `at_once`, and the time to come up."""
    with _platform() as (platform, seconds):
        batch = platform.client("batch")
        _register(batch)
        _latency(batch)  # the functions' workers start with the first job
        latencies = sorted(_latency(batch) for _ in range(one_by_one))
        burst = _burst(platform, at_once)
    return {
        "up_s": round(seconds, 1),
        "noop_jobs": one_by_one,
        "noop_median_s": round(statistics.median(latencies), 2),
        "noop_worst_s": round(latencies[-1], 2),
        **burst,
        "runtime": platform.runtime.split(":")[0],
    }


@contextlib.contextmanager
def _platform() -> Iterator[tuple[LocalPlatform, float]]:
    """A platform of its own on free ports, and the seconds it took to come up."""
    with tempfile.TemporaryDirectory(prefix="batchyard-bench-") as state:
        began = time.perf_counter()
        platform = up(ROOT, ports=Ports.free(), state=Path(state), quiet=True)
        try:
            yield platform, time.perf_counter() - began
        finally:
            platform.down()


def _register(batch: Any) -> None:
    batch.register_job_definition(
        jobDefinitionName="noop",
        type="container",
        platformCapabilities=["FARGATE"],
        containerProperties={
            "image": "public.ecr.aws/docker/library/busybox:stable",
            "command": ["true"],
            "resourceRequirements": [
                {"type": "VCPU", "value": "0.25"},
                {"type": "MEMORY", "value": "512"},
            ],
        },
    )


def _submit(batch: Any, name: str) -> str:
    answer = batch.submit_job(jobName=name, jobQueue="default", jobDefinition="noop")
    return str(answer["jobId"])


def _latency(batch: Any) -> float:
    """Seconds from the call of SubmitJob to the first sight of SUCCEEDED."""
    began = time.perf_counter()
    job = _submit(batch, "noop")
    _await(batch, [job])
    return time.perf_counter() - began


def _burst(platform: LocalPlatform, jobs: int) -> dict[str, Any]:
    """Submit many at once from eight threads, and wait for the last."""
    clients = [platform.client("batch") for _ in range(8)]
    began = time.perf_counter()
    with ThreadPoolExecutor(len(clients)) as pool:
        ids = list(pool.map(lambda n: _submit(clients[n % 8], f"noop-{n}"), range(jobs)))
    submitted = time.perf_counter() - began
    statuses = _await(clients[0], ids)
    seconds = time.perf_counter() - began
    return {
        "burst_jobs": jobs,
        "burst_succeeded": sum(status == "SUCCEEDED" for status in statuses.values()),
        "burst_submit_s": round(submitted, 1),
        "burst_s": round(seconds, 1),
        "burst_jobs_per_s": round(jobs / seconds, 1),
    }


def _await(batch: Any, jobs: list[str]) -> dict[str, str]:
    """The statuses of these jobs once all have ended."""
    ended: dict[str, str] = {}
    deadline = time.perf_counter() + PATIENCE
    while len(ended) < len(jobs):
        if time.perf_counter() > deadline:
            raise TimeoutError(f"{len(jobs) - len(ended)} of {len(jobs)} jobs did not end")
        left = [job for job in jobs if job not in ended][:100]
        for detail in batch.describe_jobs(jobs=left)["jobs"]:
            if detail["status"] in ("SUCCEEDED", "FAILED"):
                ended[detail["jobId"]] = detail["status"]
        time.sleep(0.02 if len(jobs) == 1 else 0.2)
    return ended
