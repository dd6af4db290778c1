"""What the demo shows at its end: the jobs, what carried them, a log, and the picture."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from local.demo_jobs import NAME, Job, Ran, short
from local.platform import LocalPlatform

PLACE = "demo"  #: inside the state directory
TAIL = 8  #: lines of a log
WIDTH = 100

HEAD = ("job", "how it came in", "status", "attempts", "queue wait", "run time", "reason")


def table(ran: Sequence[Ran], jobs: Mapping[str, Job]) -> str:
    """One line a job, in aligned columns."""
    rows = [HEAD, *(_row(r, jobs[r.id]) for r in ran)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(HEAD))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def _row(ran: Ran, job: Job) -> tuple[str, ...]:
    attempts = job["attempts"]
    runs = [a["stoppedAt"] - a["startedAt"] for a in attempts if a.get("startedAt")]
    first = next((a["startedAt"] for a in attempts if a.get("startedAt")), None)
    wait = _seconds(first - job["createdAt"]) if first else "–"
    return (
        short(job["jobName"]),
        ran.way,
        job["status"],
        str(len(attempts)),
        wait,
        _seconds(sum(runs)) if runs else "–",
        _reason(job),
    )


def _reason(job: Job) -> str:
    container = job["attempts"][-1]["container"] if job["attempts"] else {}
    code = container.get("exitCode")
    said = container.get("reason") or job.get("statusReason", "")
    return f"{said} (exit code {code})" if code else str(said)


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} s"


# ── what carried them ─────────────────────────────────────────────────────────────────────────


def carriers(platform: LocalPlatform, ran: Sequence[Ran], jobs: Mapping[str, Job]) -> str:
    """Ids with which anyone can follow the jobs through the services."""
    return "\n".join(
        [
            "Stacks",
            *_stacks(platform),
            "Executions of the state machine `wait` (a plain job starts none)",
            *_executions(platform, ran),
            "Events and messages that became jobs",
            *_events(ran, _accepted(platform, {r.id for r in ran})),
            "ECS tasks, one an attempt",
            *_tasks(ran, jobs),
        ]
    )


def _stacks(platform: LocalPlatform) -> Iterator[str]:
    found = platform.client("cloudformation").describe_stacks()["Stacks"]
    for stack in sorted(found, key=lambda s: s["CreationTime"]):
        if stack["StackName"].startswith(f"{platform.deployment}-"):
            yield f"  {stack['StackName']:27} {stack['StackStatus']:16} {stack['StackId']}"


def _executions(platform: LocalPlatform, ran: Sequence[Ran]) -> Iterator[str]:
    """Named <job>-<attempt>-<wait>."""
    states = platform.client("stepfunctions")
    names = {r.id: short(r.name) for r in ran}
    listed = states.list_executions(stateMachineArn=platform.wait_machine, maxResults=100)
    for execution in reversed(listed["executions"]):
        job = execution["name"].rsplit("-", 2)[0]
        if job in names:
            yield f"  {names[job]:27} {execution['status']:16} {execution['name']}"


def _accepted(platform: LocalPlatform, jobs: set[str]) -> dict[str, str]:
    """By job: the SQS message that brought it, as `intake` logged it."""
    logs = platform.client("logs")
    group = f"/aws/lambda/{platform.deployment}-intake"
    found: dict[str, str] = {}
    since = int(time.time() * 1000) - 600_000
    for page in logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=since
    ):
        for event in page["events"]:
            line = _line(event["message"])
            if line.get("message") == "event accepted" and line.get("job") in jobs:
                found[line["job"]] = str(line.get("message_", "–"))
    return found


def _line(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}


def _events(ran: Sequence[Ran], messages: Mapping[str, str]) -> Iterator[str]:
    for r in ran:
        if r.facts:
            facts = {**r.facts, "SQS message": messages.get(r.id, "(not logged yet)")}
            told = "   ".join(f"{kind} {value}" for kind, value in facts.items())
            yield f"  {short(r.name):27} {told}"


def _tasks(ran: Sequence[Ran], jobs: Mapping[str, Job]) -> Iterator[str]:
    for r in ran:
        for number, attempt in enumerate(jobs[r.id]["attempts"], start=1):
            task = attempt["container"].get("taskArn", "–").rsplit("/", 1)[-1]
            yield f"  {short(r.name):27} attempt {number:<8} {task}"


# ── what they said and made ───────────────────────────────────────────────────────────────────


def tail(platform: LocalPlatform, job: Job) -> str:
    """The end of a job's log, as CloudWatch Logs gives it back."""
    stream = job["attempts"][-1]["container"]["logStreamName"]
    answer = platform.client("logs").get_log_events(
        logGroupName=platform.log_group, logStreamName=stream, limit=TAIL, startFromHead=False
    )
    lines = [f"  {event['message'].rstrip()[:WIDTH]}" for event in answer["events"][-TAIL:]]
    return "\n".join([f"The end of {platform.log_group} {stream}", *lines])


def results(platform: LocalPlatform) -> str:
    """Fetch what the weather job wrote; where it lies, and its gist."""
    place = Path(platform.state) / PLACE
    place.mkdir(exist_ok=True)
    s3, bucket = platform.client("s3"), platform.output_bucket
    for file in ("summary.json", "weather.svg"):
        body = s3.get_object(Bucket=bucket, Key=f"weather/{NAME}/{file}")["Body"].read()
        (place / file).write_bytes(body)
    summary = json.loads((place / "summary.json").read_text())
    dry, hot = summary["stretches"]["dry"], summary["records"]["hottest"]
    return "\n".join(
        [
            f"From {summary['days']:,} days of weather: hottest {hot['value']} °C on {hot['date']}, "
            f"longest dry spell {dry['days']} days from {dry['from']}",
            f"  picture  {place / 'weather.svg'}  (open it in a browser)",
            f"  summary  {place / 'summary.json'}",
            f"  both in  s3://{bucket}/weather/{NAME}/",
        ]
    )


def following(platform: LocalPlatform, stays: bool) -> str:
    """What to try next."""
    begin = [] if stays else ["  make up     # start it again, and let it run"]
    upload = f"  .venv/bin/aws s3 cp your.csv s3://{platform.input_bucket}/weather/"
    return "\n".join(
        [
            "Next",
            *begin,
            '  eval "$(.venv/bin/python -m local env)"   # point any AWS client at it',
            *([upload] if stays else []),
            *_BY_HAND,
            "  make down   # stop it",
        ]
    )


_BY_HAND = (
    "  .venv/bin/aws batch register-job-definition --job-definition-name hi --type container \\",
    '    --platform-capabilities FARGATE --container-properties \'{"image": "busybox",',
    '      "command": ["echo", "hello"], "resourceRequirements": [',
    '      {"type": "VCPU", "value": "0.25"}, {"type": "MEMORY", "value": "512"}]}\'',
    "  .venv/bin/aws batch submit-job --job-name hi --job-queue high --job-definition hi",
    "  .venv/bin/aws batch list-jobs --job-queue high --job-status SUCCEEDED",
)
