"""What only other services can show: repeated RunTask calls, tags, logs, metrics, the AWS CLI."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, cast

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.core.job import attempt_key
from local.smoke.cases import Ran
from local.smoke.deployed import Platform
from local.smoke.findings import Finding, Task, judged, untested
from local.smoke.plan import QUEUE

#: Seconds that the page promises: from stream to function and bell to tick, and for an import.
CLAIMED_WITHIN = 2.0
IMPORTED_WITHIN = 0.5
_DENIED = "?AccessDenied ?AccessDeniedException ?UnauthorizedOperation"
FUNCTIONS = ("api", "intake", "relay", "schedule", "launch", "track", "reconcile", "declare")


def task_of(platform: Platform, ran: Ran) -> Task | None:
    """The job's latest task as ECS describes it; None when it had none, or ECS forgot it."""
    arn = ran.outcome.get("taskArn")
    if arn is None:
        return None
    cluster = platform.parameters["cluster"]
    tasks: list[Task] = platform.client("ecs").describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
    return tasks[0] if tasks else None


def repeated(platform: Platform, ran: Ran, now: float) -> list[Finding]:
    """RunTask again with the plain job's frozen request, then with another one of that token."""
    ecs, cluster = platform.client("ecs"), platform.parameters["cluster"]
    task, request = ran.outcome["taskArn"], _frozen(platform, ran.id)
    age = now - ran.job["createdAt"] / 1000
    found = []
    try:
        again = [t["taskArn"] for t in ecs.run_task(**request)["tasks"]]
        _stop_others(ecs, cluster, again, task)
        told = f"{age:.0f} s after the first call the same request"
        if again == [task]:
            found.append(untested(3, f"{told} returned the same task; 45 minutes not waited for"))
        else:
            found.append(judged(3, False, f"{told} returned {again or 'no task'}, not {task}"))
    except ClientError as error:
        found.append(judged(3, False, f"the repeated request was refused: {error}"))
    try:
        other = ecs.run_task(**request, group="another")
        _stop_others(ecs, cluster, [t["taskArn"] for t in other["tasks"]], task)
        found.append(judged(4, False, "another request with the same token was taken"))
    except ClientError as error:
        ids = list(cast("Sequence[str]", error.response.get("resourceIds", ())))
        code = error.response["Error"]["Code"]
        found.append(judged(4, task in ids, f"{code} with resourceIds {ids}"))
    return found


def _frozen(platform: Platform, job: str) -> dict[str, Any]:
    """The RunTask request that the first attempt's claim wrote down."""
    key = attempt_key(job, 1)
    item = platform.client("dynamodb").get_item(
        TableName=platform.parameters["jobs-table"],
        Key={"pk": {"S": key.pk}, "sk": {"S": key.sk}},
        ConsistentRead=True,
    )["Item"]
    request = TypeDeserializer().deserialize(item["request"])
    whole: dict[str, Any] = json.loads(json.dumps(request, default=int))  # Decimals are whole
    return whole


def _stop_others(ecs: Any, cluster: str, tasks: Sequence[str], known: str) -> None:
    for task in tasks:
        if task != known:
            ecs.stop_task(cluster=cluster, task=task, reason="not wanted")


def listed(platform: Platform, task: Task | None) -> Finding:
    """ListTasks by `startedBy` and `desiredStatus` at once."""
    if task is None:
        return untested(18, "no task to look for")
    asked = {"startedBy": task["startedBy"], "desiredStatus": "STOPPED"}
    try:
        cluster = platform.parameters["cluster"]
        found = platform.client("ecs").list_tasks(cluster=cluster, **asked)["taskArns"]
    except ClientError as error:
        return judged(18, False, f"{error}")
    return judged(18, found == [task["taskArn"]], f"it lists {len(found)} task of one startedBy")


def tagged(platform: Platform) -> Finding:
    """A queue's ARN in the path, there and back."""
    batch = platform.client("batch")
    try:
        (queue,) = batch.describe_job_queues(jobQueues=[QUEUE])["jobQueues"]
        arn = queue["jobQueueArn"]
        batch.tag_resource(resourceArn=arn, tags={"smoke": "ü/+=@: 1"})
        told = batch.list_tags_for_resource(resourceArn=arn)["tags"].get("smoke")
        batch.untag_resource(resourceArn=arn, tagKeys=["smoke"])
    except ClientError as error:
        return judged(13, False, f"{error}")
    return judged(13, told == "ü/+=@: 1", f"the tag of {arn} came back as {told!r}")


def claimed(platform: Platform, ran: Sequence[Ran]) -> Finding:
    """From SubmitJob's write to the claim, warm: the stream, the inbox, the bell and the tick."""
    batch = platform.client("batch")
    filters = [{"name": "JOB_NAME", "values": ["nothing-*"]}]
    pages = batch.get_paginator("list_jobs").paginate(jobQueue=QUEUE, filters=filters)
    ids = {r.id for r in ran}
    waits = sorted(
        (job["scheduledAt"] - job["createdAt"]) / 1000
        for page in pages
        for job in page["jobSummaryList"]
        if job["jobId"] in ids and "scheduledAt" in job
    )
    if not waits:
        return untested(10, "no job tells when it was claimed")
    told = f"claimed {waits[0]:.2f} s after its submit at best, median {statistics.median(waits):.2f} s"
    return judged(10, waits[0] <= CLAIMED_WITHIN, f"{told}, of {len(waits)} jobs")


def imported(platform: Platform) -> Finding:
    """Init durations in the functions' own reports."""
    logs, took = platform.client("logs"), []
    for name in FUNCTIONS:
        events = _filtered(logs, f"/aws/lambda/{platform.deployment}-{name}", '"initDurationMs"')
        for event in events:
            told = json.loads(event["message"])
            metrics = told.get("record", {}).get("metrics", {})
            took += [metrics["initDurationMs"] / 1000] if "initDurationMs" in metrics else []
    if not took:
        return untested(11, "no function reported an init duration")
    evidence = (
        f"{len(took)} cold starts: median {statistics.median(took):.2f} s, worst {max(took):.2f} s"
    )
    return judged(11, statistics.median(took) <= IMPORTED_WITHIN, evidence)


def allowed(platform: Platform) -> Finding:
    """No function was denied anything."""
    logs = platform.client("logs")
    denied = [
        event["message"]
        for name in FUNCTIONS
        for event in _filtered(logs, f"/aws/lambda/{platform.deployment}-{name}", _DENIED)
    ]
    if denied:
        return judged(
            20, False, f"{len(denied)} log lines speak of a denied call: {denied[0][:200]}"
        )
    return judged(20, True, "no function was denied a call in this run's paths")


def _filtered(logs: Any, group: str, pattern: str) -> list[Mapping[str, Any]]:
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern=pattern, PaginationConfig={"MaxItems": 200}
    )
    try:
        return [event for page in pages for event in page["events"]]
    except ClientError:
        return []


def by_cli_v2(platform: Platform, program: str | None = None) -> Finding:
    """The AWS CLI of this machine, when it is version 2."""
    program = program or shutil.which("aws")
    if program is None:
        return untested(12, "there is no AWS CLI on the PATH")
    version = _said([program, "--version"], platform.environment()).stdout
    if not version.startswith("aws-cli/2"):
        return untested(12, f"the AWS CLI here is {version.split(' ')[0] or 'unknown'}, not v2")
    done = _said([program, "batch", "describe-job-queues"], platform.environment())
    told = version.split(" ")[0]
    if done.returncode:
        return judged(12, False, f"{told}: {done.stderr.strip()[:300]}")
    return judged(12, QUEUE in done.stdout, f"{told} described the job queues")


def _said(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, timeout=60
    )


def safely(number: int, probe: Any, *given: Any) -> list[Finding]:
    """A probe's findings; one that fails proves nothing, and stops nothing."""
    try:
        found = probe(*given)
    except (BotoCoreError, ClientError, KeyError, ValueError, OSError) as error:
        return [untested(number, f"the probe failed: {type(error).__name__}: {error}")]
    except subprocess.TimeoutExpired as error:
        return [untested(number, f"the probe failed: {error}")]
    return found if isinstance(found, list) else [found]
