"""A running platform in the hands of a test: submit, wait, read back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from local.platform import LocalPlatform, stop, up
from local.ports import Ports

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "public.ecr.aws/docker/library/busybox:1.36"
PATIENCE = 45.0  #: seconds until a test gives up; most things take one or two
ENDED = ("SUCCEEDED", "FAILED")


class Yard:
    """One platform, with the definition `sh` (a shell of 0.25 vCPUs and 512 MiB)."""

    def __init__(self, platform: LocalPlatform) -> None:
        self.platform = platform
        self.batch = self.client("batch")

    def client(self, service: str) -> Any:
        return self.platform.client(service)

    @cached_property
    def logs(self) -> Any:
        return self.client("logs")

    @cached_property
    def sqs(self) -> Any:
        return self.client("sqs")

    # ── definitions and jobs ──────────────────────────────────────────────────────────────────

    def define(self, name: str, command: list[str], memory: int = 512, **more: Any) -> str:
        needs = {"VCPU": "0.25", "MEMORY": str(memory)}
        container = {
            "image": more.pop("image", IMAGE),
            "command": command,
            "resourceRequirements": [{"type": k, "value": v} for k, v in needs.items()],
            **more.pop("container", {}),
        }
        answer = self.batch.register_job_definition(
            jobDefinitionName=name,
            type="container",
            platformCapabilities=["FARGATE"],
            containerProperties=container,
            **more,
        )
        return str(answer["jobDefinitionArn"])

    def request(self, script: str = "true", **more: Any) -> dict[str, Any]:
        """SubmitJob's request for a shell that runs `script`."""
        overrides = {"command": ["sh", "-c", script], **more.pop("containerOverrides", {})}
        return {
            "jobName": f"job-{uuid.uuid4().hex[:8]}",
            "jobQueue": "default",
            "jobDefinition": "sh",
            "containerOverrides": overrides,
            **more,
        }

    def submit(self, script: str = "true", **more: Any) -> str:
        return str(self.batch.submit_job(**self.request(script, **more))["jobId"])

    def job(self, job: str) -> dict[str, Any]:
        (found,) = self.batch.describe_jobs(jobs=[job])["jobs"]
        return dict(found)

    def until(self, job: str, *statuses: str, patience: float = PATIENCE) -> dict[str, Any]:
        """The job once it has one of these statuses."""

        def there() -> dict[str, Any] | None:
            found = self.job(job)
            hopeless = found["status"] in ENDED and not set(statuses) & set(ENDED)
            assert not hopeless, f"the job ended: {found.get('statusReason')}"
            return found if found["status"] in statuses else None

        return eventually(there, patience, lambda: f"{self.job(job)}")

    def ended(self, job: str, patience: float = PATIENCE) -> dict[str, Any]:
        return self.until(job, *ENDED, patience=patience)

    def named(self, name: str, queue: str = "default") -> list[str]:
        """The ids of all jobs of this name, whatever their status."""
        filters = [{"name": "JOB_NAME", "values": [name]}]
        found = self.batch.list_jobs(jobQueue=queue, filters=filters)["jobSummaryList"]
        return [job["jobId"] for job in found]

    def arrived(self, name: str) -> str:
        """The one job of this name, once it is there."""
        (job,) = eventually(lambda: self.named(name), 20)
        return str(job)

    # ── what a job left ───────────────────────────────────────────────────────────────────────

    def lines(self, job: str) -> list[str]:
        """The job's log, as CloudWatch Logs has it by now."""
        stream = self.job(job)["container"].get("logStreamName")
        if stream is None:
            return []
        try:
            answer = self.logs.get_log_events(
                logGroupName=self.platform.log_group, logStreamName=stream, startFromHead=True
            )
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in answer["events"]]

    def line(self, job: str, begins: str, patience: float = PATIENCE) -> str:
        """What stands behind `begins` in the first such line of the log, once it is there."""

        def found() -> str | None:
            lines = (x for x in self.lines(job) if x.startswith(begins))
            return next(lines, None)

        return str(eventually(found, patience, lambda: f"{self.lines(job)}")).removeprefix(begins)

    def executions(self, job: str) -> dict[str, str]:
        """The statuses of the `wait` executions of a job, by name."""
        machine = self.platform.wait_machine
        pages = self.client("stepfunctions").get_paginator("list_executions")
        found = [e for p in pages.paginate(stateMachineArn=machine) for e in p["executions"]]
        return {e["name"]: e["status"] for e in found if e["name"].startswith(job)}

    def in_use(self, env: str) -> int:
        """Milli-vCPUs of an environment that its ledger says are taken."""
        table = self.client("dynamodb")
        name = self.platform.parameters["capacity-table"]

        def read(pk: str, sk: str, attribute: str) -> int:
            key = {"pk": {"S": pk}, "sk": {"S": sk}}
            item = table.get_item(TableName=name, Key=key, ConsistentRead=True).get("Item", {})
            return int(item.get(attribute, {"N": "0"})["N"])

        back = sum(read(f"ENV#{env}#RELEASED#{k}", "RELEASED", "released") for k in range(8))
        return read(f"ENV#{env}", "LEDGER", "taken") - back

    def reconcile(self) -> None:
        """One run of `reconcile`, without waiting for its minute."""
        name = f"{self.platform.deployment}-reconcile"
        answer = self.client("lambda").invoke(FunctionName=name, Payload=b"{}")
        assert "FunctionError" not in answer, answer["Payload"].read()

    # ── the AWS CLI ───────────────────────────────────────────────────────────────────────────

    def cli(self, *arguments: str) -> dict[str, Any]:
        """The AWS CLI with nothing but the variables that the platform tells its users."""
        quiet = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        environment = {"PATH": os.environ["PATH"], **self.platform.environment(), **quiet}
        program = [sys.executable, str(Path(sys.executable).with_name("aws"))]
        done = subprocess.run(
            [*program, *arguments, "--output", "json"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))


def eventually(
    look: Callable[[], Any], patience: float = PATIENCE, why: Callable[[], str] = lambda: ""
) -> Any:
    """What `look` gives as soon as it is something; a failure after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {patience:.0f} s: {why()}"
        time.sleep(0.1)
    return found


@contextmanager
def running(state: Path, **more: Any):
    """A platform of our own on free ports; gone afterwards, whatever happened."""
    try:
        platform = up(ROOT, Ports.free(), quiet=True, owned=True, state=state, **more)
        yield platform
    finally:
        stop(state)
