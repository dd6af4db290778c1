"""The jobs of a smoke run: how each comes in, how it should end, and following all of them there."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.smoke.deployed import Platform
from local.smoke.plan import QUEUE, TRIGGER, container, definition

PATIENCE = (
    900.0  #: seconds until every job must have ended; a Fargate task starts in about a minute
)
PAUSE = 2.0
ATTEMPT_SECONDS = 300  #: no attempt runs longer, whatever becomes of us

ODD_KEY = f"{TRIGGER}/a b+c & %41 'q' \"Q\" $HOME; é日本\U0001f600 (1)*.csv"
BIG = 12_000  #: characters of one variable: more than RunTask takes as overrides
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
TIMED_OUT = "Job attempt duration exceeded timeout"
DEPENDENT_FAILED = "Dependent Job failed"
ENDED = ("SUCCEEDED", "FAILED")

Job = Mapping[str, Any]
Say = Callable[[str], None]

#: Peaks at about 400 MiB: above the container's 256, below the smallest task's 512.
HUNGRY = 'BEGIN { x = "x"; while (length(x) < 268435456) x = x x; print length(x) }'
PATIENT = "trap 'echo heard; exit 5' TERM; echo ready; while :; do sleep 1; done"


@dataclass(frozen=True, slots=True)
class Expected:
    """How a job should end; what is empty is not looked at."""

    status: str = "SUCCEEDED"
    exit: int | None = 0
    attempts: int = 1
    line: str = ""  #: stands in the log
    status_reason: str = ""
    reason: str = ""  #: the container's
    after: tuple[str, ...] = ()  #: names of jobs that must have ended before it starts


@dataclass(slots=True)
class Ran:
    """A job that was submitted, and what became of it."""

    name: str
    id: str
    expected: Expected
    job: Job = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    seen: float = 0.0  #: epoch seconds when its end was first seen

    @property
    def status(self) -> str:
        return str(self.job.get("status", "never there"))

    @property
    def outcome(self) -> Mapping[str, Any]:
        """What became of the container in the latest attempt."""
        told: Mapping[str, Any] = self.job.get("container", {})
        return told

    @property
    def attempts(self) -> Sequence[Mapping[str, Any]]:
        told: Sequence[Mapping[str, Any]] = self.job.get("attempts", ())
        return told

    def faults(self, others: Mapping[str, Ran]) -> list[str]:
        """What is not as it should be; empty when it is."""
        want, found = self.expected, self.job
        pairs = [
            ("status", want.status, self.status),
            ("attempts", want.attempts, len(self.attempts)),
        ]
        if want.exit is not None:
            pairs.append(("exit code", want.exit, self.outcome.get("exitCode")))
        if want.status_reason:
            pairs.append(("status reason", want.status_reason, found.get("statusReason")))
        if want.reason:
            pairs.append(("reason", want.reason, self.outcome.get("reason")))
        told = [f"{what} is {got!r}, not {right!r}" for what, right, got in pairs if right != got]
        if want.line and want.line not in self.lines:
            told.append(f"its log has no line {want.line!r}")
        began = found.get("startedAt", 0)
        early = [n for n in want.after if began < others[n].job.get("stoppedAt", 0)]
        return told + [f"it started before {name} had ended" for name in early]


class Cases:
    """Submits the jobs to one platform and follows them."""

    def __init__(
        self,
        platform: Platform,
        say: Say,
        pause: float = PAUSE,
        patience: float = PATIENCE,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.platform = platform
        self.batch = platform.client("batch")
        self._say, self._pause, self._patience = say, pause, patience
        self._now, self._sleep = now, sleep
        self._logs = platform.client("logs")

    # ── coming in ─────────────────────────────────────────────────────────────────────────────

    def run(self, time_out: bool = True) -> dict[str, Ran]:
        """All cases, by name; one that did not come or did not end says so in its faults.

        The shortest time-out is a minute, and `reconcile` comes once a minute: it can be left out.
        """
        self._register()
        ran = {r.name: r for r in (*self._submitted(), *([self._overlong()] if time_out else []))}
        for r in (self._uploaded(), self._from_an_event()):
            ran[r.name] = r
        stopped = False

        def look() -> None:
            nonlocal stopped
            if not stopped and ran["terminated"].status == "RUNNING":
                stopped = bool(self.read(ran["terminated"].job))
                if stopped:
                    self.batch.terminate_job(jobId=ran["terminated"].id, reason="enough")

        self.follow(list(ran.values()), look)
        return ran

    def plain(self, count: int) -> list[Ran]:
        """`count` jobs that do nothing, at once, to their ends."""
        ran = [self._submit(f"nothing-{n}", "true", Expected()) for n in range(count)]
        self.follow(ran)
        return ran

    def _register(self) -> None:
        self._define("sh", ["true"])
        self._define("hungry", ["awk", HUNGRY], memory=256)

    def _submitted(self) -> list[Ran]:
        plain = self._submit("plain", "echo plain; sleep 5", Expected(line="plain"))
        retried = 'test "$AWS_BATCH_JOB_ATTEMPT" = 2 || exit 9'
        again = self._submit(
            "retried",
            retried,
            Expected(attempts=2),
            retryStrategy={"attempts": 3},
            tags={"batchyard:backoff": "5s x2 max 1m"},
        )
        fails = self._submit("fails", "sleep 3; exit 3", Expected("FAILED", 3))
        big = {"environment": [{"name": "BIG", "value": "x" * BIG}]}
        return [
            plain,
            again,
            fails,
            self._submit(
                "after-two",
                "true",
                Expected(after=("plain", "retried")),
                dependsOn=[{"jobId": plain.id}, {"jobId": again.id}],
            ),
            self._submit(
                "after-a-failure",
                "true",
                Expected("FAILED", None, 0, status_reason=DEPENDENT_FAILED),
                dependsOn=[{"jobId": fails.id}],
            ),
            self._submit(
                "out-of-memory",
                None,
                Expected("FAILED", 137, reason=OUT_OF_MEMORY),
                jobDefinition=definition(self.platform.deployment, "hungry"),
            ),
            self._submit(
                "terminated", PATIENT, Expected("FAILED", 5, line="heard", status_reason="enough")
            ),
            self._submit(
                "long-overrides",
                "echo length=${#BIG}",
                Expected(line=f"length={BIG}"),
                containerOverrides=big,
            ),
        ]

    def _overlong(self) -> Ran:
        expected = Expected("FAILED", None, status_reason=TIMED_OUT)
        limit = {"attemptDurationSeconds": 60}
        return self._submit("timed-out", "sleep 280", expected, timeout=limit)

    def _uploaded(self) -> Ran:
        bucket = self.platform.parameters["input-bucket"]
        self.platform.client("s3").put_object(Bucket=bucket, Key=ODD_KEY, Body=b"x")
        return self._arrived("uploaded", f"{TRIGGER}-*", Expected(line=f"key={ODD_KEY}"))

    def _from_an_event(self) -> Ran:
        name = f"event-{uuid.uuid4().hex[:8]}"
        entry = {
            "EventBusName": self.platform.parameters["event-bus"],
            "Source": "batchyard.smoke",
            "DetailType": "Submit Job",
            "Detail": json.dumps(self._request(name, "echo from an event")),
        }
        answer = self.platform.client("events").put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            self._say(f"  the event was not taken: {answer['Entries']}")
        return self._arrived("from-an-event", name, Expected(line="from an event"))

    def _arrived(self, name: str, wanted: str, expected: Expected) -> Ran:
        """The job that an event became; one without an id when none came in time."""
        deadline = self._now() + self._patience / 3
        while self._now() < deadline:
            filters = [{"name": "JOB_NAME", "values": [wanted]}]
            found = self.batch.list_jobs(jobQueue=QUEUE, filters=filters)["jobSummaryList"]
            if found:
                return Ran(name, found[0]["jobId"], expected)
            self._sleep(self._pause)
        queue = self.platform.parameters["rejected-queue"]
        self._say(f"  {name} did not become a job; rejected events are in {queue}")
        return Ran(name, "", expected)

    def _submit(self, name: str, script: str | None, expected: Expected, **more: Any) -> Ran:
        request = self._request(name, script, **more)
        return Ran(name, str(self.batch.submit_job(**request)["jobId"]), expected)

    def _request(self, name: str, script: str | None, **more: Any) -> dict[str, Any]:
        command = {} if script is None else {"command": ["sh", "-c", script]}
        return {
            "jobName": name,
            "jobQueue": QUEUE,
            "jobDefinition": definition(self.platform.deployment, "sh"),
            "timeout": {"attemptDurationSeconds": ATTEMPT_SECONDS},
            **more,
            "containerOverrides": command | more.get("containerOverrides", {}),
        }

    def _define(self, name: str, command: list[str], memory: int = 512) -> None:
        self.batch.register_job_definition(
            jobDefinitionName=definition(self.platform.deployment, name),
            type="container",
            platformCapabilities=["FARGATE"],
            containerProperties=container(command, memory),
        )

    # ── to the end ────────────────────────────────────────────────────────────────────────────

    def follow(self, ran: Sequence[Ran], look: Callable[[], None] = lambda: None) -> None:
        """Watch the jobs until all ended, or patience does."""
        there = [r for r in ran if r.id]
        deadline = self._now() + self._patience
        while there:
            found = self.batch.describe_jobs(jobs=[r.id for r in there])["jobs"]
            jobs = {job["jobId"]: job for job in found}
            for r in there:
                self._note(r, jobs[r.id])
            if all(r.seen for r in there) or self._now() > deadline:
                break
            look()
            self._sleep(self._pause)
        self._read_logs(there)

    def _note(self, r: Ran, job: Job) -> None:
        if r.status != job["status"]:
            self._say(f"  {r.name:16} {job['status']:10} {job.get('statusReason', '')}".rstrip())
        if job["status"] in ENDED and not r.seen:
            r.seen = self._now()
        r.job = job

    def _read_logs(self, ran: Sequence[Ran]) -> None:
        """The last lines of a job may reach CloudWatch Logs after its end."""
        for _ in range(15):
            missing = [r for r in ran if r.expected.line and r.expected.line not in r.lines]
            for r in missing:
                r.lines = self.read(r.job)
            if not missing:
                return
            self._sleep(self._pause)

    def read(self, job: Job) -> list[str]:
        """A job's log, as CloudWatch Logs has it by now."""
        stream = job["container"].get("logStreamName")
        if stream is None:
            return []
        try:
            answer = self._logs.get_log_events(
                logGroupName=self.platform.log_group, logStreamName=stream, startFromHead=True
            )
        except self._logs.exceptions.ResourceNotFoundException:
            return []
        return [str(event["message"]) for event in answer["events"]]
