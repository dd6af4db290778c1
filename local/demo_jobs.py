"""The demo's workload: what it declares, how each job comes in, and how each should end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from local.errors import PlatformError
from local.platform import LocalPlatform

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "weather"
IMAGE = "public.ecr.aws/docker/library/python:3.13-slim"
KEY = "weather/seattle-weather.csv"
NAME = "seattle-weather"
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
PATIENCE = 15.0  #: seconds until an event must have become a job

Job = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ran:
    """A job of the demo: how it came in, and how it should end."""

    id: str
    name: str
    way: str
    status: str = "SUCCEEDED"
    attempts: int = 1
    after: tuple[str, ...] = ()  #: ids of jobs that must have ended before it starts
    reason: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)  #: what carried it, by kind


class Workload:
    """Submits everything, in five ways, to one running platform."""

    def __init__(self, platform: LocalPlatform, say: Callable[[str], None]) -> None:
        self._platform = platform
        self._say = say
        self._batch = platform.client("batch")
        self._began = int(time.time() * 1000)

    def register(self) -> None:
        """The job definitions; one that says the same already is kept."""
        output = {"OUTPUT_BUCKET": self._platform.output_bucket, "OUTPUT_PREFIX": "weather/"}
        self._define("summarise-csv", _program("summarise.py"), 512, output)
        self._define("flaky", _program("flaky.py"), 256)
        self._define("hungry", _program("hungry.py"), 128)
        self._define("say", ["echo", "Ref::what"], 256, parameters={"what": "hello"})

    def submit(self) -> list[Ran]:
        """Every job, in the order of submission. Raises PlatformError."""
        upload, event = self._upload(), self._put_event()
        flaky = self._submit(
            Ran("", "flaky", "boto3, retried with backoff", attempts=2),
            jobDefinition="flaky",
            retryStrategy={"attempts": 3},
            tags={"batchyard:backoff": "2s x2 max 1m"},
        )
        hungry = self._submit(
            Ran("", "hungry", "boto3, too much memory", "FAILED", reason=OUT_OF_MEMORY),
            jobQueue="low",
            jobDefinition="hungry",
        )
        first = [self._arrived(upload), self._arrived(event)]
        both = (first[0].id, flaky.id)
        report = self._submit(
            Ran("", "report", "boto3, after weather and flaky", after=both),
            jobQueue="high",
            dependsOn=[{"jobId": job} for job in both],
            jobDefinition="say",
            parameters={"what": "the summary is there, and the service answers again"},
        )
        return [*first, flaky, hungry, report]

    # ── ways in ───────────────────────────────────────────────────────────────────────────────

    def _upload(self) -> Ran:
        """The trigger on the input bucket makes a job of the uploaded file."""
        bucket = self._platform.input_bucket
        self._say(f"  an upload      s3://{bucket}/{KEY}")
        answer = self._platform.client("s3").put_object(
            Bucket=bucket, Key=KEY, Body=data_file().read_bytes(), ContentType="text/csv"
        )
        facts = {"etag": answer["ETag"].strip('"')}
        return Ran("", f"weather-{NAME}-csv", "an upload to S3", facts=facts)

    def _put_event(self) -> Ran:
        """The AWS CLI puts an event on the deployment's bus."""
        name = f"from-an-event-{self._began}"
        detail = {
            "jobName": name,
            "jobQueue": "default",
            "jobDefinition": "say",
            "parameters": {"what": "an event brought me"},
        }
        entry = {
            "EventBusName": self._platform.event_bus,
            "Source": "batchyard.demo",
            "DetailType": "Submit Job",
            "Detail": json.dumps(detail),
        }
        self._say("  an event       aws events put-events (detail-type `Submit Job`)")
        answer = self._cli("events", "put-events", "--entries", json.dumps([entry]))
        if answer.get("FailedEntryCount"):
            raise PlatformError(f"The event was not taken: {answer['Entries']}")
        return Ran("", name, "an event (AWS CLI)", facts={"event": answer["Entries"][0]["EventId"]})

    def _cli(self, *arguments: str) -> dict[str, Any]:
        """The AWS CLI of our virtual environment, deaf to the user's own settings."""
        told = self._platform.environment()
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("AWS_", "PYTHON"))}
        quiet = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        command = [sys.executable, str(Path(sys.executable).with_name("aws")), *arguments]
        command += ["--endpoint-url", self._platform.aws_endpoint, "--output", "json"]
        environment = {**kept, **told, **quiet, "AWS_PAGER": "", "NO_PROXY": "127.0.0.1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise PlatformError(f"`aws {' '.join(arguments[:2])}` failed: {_last(done.stderr)}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def _submit(self, ran: Ran, **request: Any) -> Ran:
        self._say(f"  boto3          submit_job {ran.name}")
        whole = {"jobName": ran.name, "jobQueue": "default", **request}
        return _found(ran, self._batch.submit_job(**whole)["jobId"])

    def _arrived(self, ran: Ran) -> Ran:
        """The job that an event became, by its name. Raises PlatformError when none comes."""
        deadline = time.monotonic() + PATIENCE
        asked = {"name": "JOB_NAME", "values": [ran.name]}
        while time.monotonic() < deadline:
            answer = self._batch.list_jobs(jobQueue="default", filters=[asked])
            for job in answer["jobSummaryList"]:
                if job["createdAt"] >= self._began:
                    return _found(ran, job["jobId"])
            time.sleep(0.2)
        raise PlatformError(
            f"After {PATIENCE:.0f} s {ran.way} has not become a job; rejected events are in "
            f"{self._platform.parameters.get('rejected-queue', 'the rejected queue')}."
        )

    # ── definitions ───────────────────────────────────────────────────────────────────────────

    def _define(
        self,
        name: str,
        command: Sequence[str],
        memory: int,
        environment: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        container = {
            "image": IMAGE,
            "command": list(command),
            "environment": [{"name": n, "value": v} for n, v in (environment or {}).items()],
            "resourceRequirements": [
                {"type": "VCPU", "value": "0.25"},
                {"type": "MEMORY", "value": str(memory)},
            ],
        }
        described = self._batch.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")
        for latest in described["jobDefinitions"][:1]:
            known = latest["containerProperties"]
            if all(known.get(part) == value for part, value in container.items()):
                return
        self._batch.register_job_definition(
            jobDefinitionName=name,
            type="container",
            platformCapabilities=["FARGATE"],
            containerProperties=container,
            parameters=dict(parameters or {}),
        )


def data_file() -> Path:
    """Four years of Seattle's weather, as a PyPI package ships them. Raises PlatformError."""
    found = find_spec("vega_datasets")  # found, not imported: it brings pandas along
    if found is None or found.origin is None:
        raise PlatformError("The package vega_datasets is not installed: run `make setup`.")
    return Path(found.origin).parent / "_data" / f"{NAME}.csv"


def faults(ran: Ran, jobs: Mapping[str, Job]) -> list[str]:
    """What is not as it should be; empty when the job did what the demo promises."""
    job = jobs[ran.id]
    found = []
    if job["status"] != ran.status:
        found.append(f"{ran.name} is {job['status']}, not {ran.status}")
    if len(job["attempts"]) != ran.attempts:
        found.append(f"{ran.name} had {len(job['attempts'])} attempts, not {ran.attempts}")
    if ran.reason and ran.reason != _container_reason(job):
        found.append(f"{ran.name} ended with {_container_reason(job)!r}, not {ran.reason!r}")
    for other in ran.after:
        if job.get("startedAt", 0) < jobs[other].get("stoppedAt", 0):
            found.append(f"{ran.name} started before {jobs[other]['jobName']} had ended")
    return found


def short(name: str) -> str:
    """A name without the moment that makes it unique."""
    return name.rsplit("-", 1)[0] if name.rpartition("-")[2].isdigit() else name


def _container_reason(job: Job) -> str:
    attempts = job["attempts"]
    return str(attempts[-1]["container"].get("reason", "")) if attempts else ""


def _program(file: str) -> list[str]:
    """A job's command that is its whole program."""
    return ["python3", "-c", (EXAMPLES / file).read_text()]


def _found(ran: Ran, job: str) -> Ran:
    return Ran(job, ran.name, ran.way, ran.status, ran.attempts, ran.after, ran.reason, ran.facts)


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
