"""With IAM enforced: callers need permission, and each function's own role is enough for its work.

Every way in, every effect and the declared resources are used once, each under the role that the
templates give to the function that does it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from lambdas.core.catalog import queue_key
from tests.e2e.conftest import CONTEXT
from tests.e2e.yard import Yard, eventually, running

#: What makes boto3's batch client sign for API Gateway.
SIGNING = '{"version": 1.0, "merge": {"metadata": {"signingName": "execute-api"}}}\n'
EXTRAS = "batch/2016-08-10/service-2.sdk-extras.json"


@pytest.fixture(scope="module")
def yard(tmp_path_factory) -> Iterator[Yard]:
    state = tmp_path_factory.mktemp("auth")
    with running(state, auth=True, context=CONTEXT, runtime="process") as platform:
        made = Yard(platform)
        made.define("sh", ["true"])
        yield made
        assert _denied(made) == []


@pytest.fixture(scope="module")
def client_of(yard, tmp_path_factory) -> Callable[..., Any]:
    """boto3's batch client of a new IAM user who may invoke these execute-api resources."""
    models = tmp_path_factory.mktemp("models")
    (models / EXTRAS).parent.mkdir(parents=True)
    (models / EXTRAS).write_text(SIGNING)
    iam = yard.client("iam")

    def client_of(name: str, *resources: str) -> Any:
        iam.create_user(UserName=name)
        if resources:
            allow = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resources}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
            iam.put_user_policy(UserName=name, PolicyName="invoke", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        session = botocore.session.Session()
        session.set_config_variable("data_path", str(models))
        return session.create_client(
            "batch",
            region_name=yard.platform.region,
            endpoint_url=f"{yard.platform.aws_endpoint}/_aws/execute-api/{_api(yard)}/$default",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            config=Config(retries={"max_attempts": 1}, proxies={}),
        )

    return client_of


def test_a_caller_with_permission_runs_a_job_in_their_own_name(yard, client_of):
    batch = client_of("analyst", _arn(yard, "POST/v1/*"))
    job = batch.submit_job(**yard.request("echo allowed"))["jobId"]
    assert yard.ended(job)["status"] == "SUCCEEDED"
    assert yard.lines(job) == ["allowed"]
    assert batch.describe_jobs(jobs=[job])["jobs"][0]["jobId"] == job
    assert _spec(yard, job)["caller"] == {"S": f"arn:aws:iam::{yard.platform.account}:user/analyst"}


def test_a_caller_without_permission_is_refused(yard, client_of):
    request = yard.request()
    elsewhere = _arn(yard, "*").replace(_api(yard), "otherapi01")
    for batch in (client_of("stranger"), client_of("neighbour", elsewhere)):
        with pytest.raises(batch.exceptions.ClientError) as refusal:
            batch.submit_job(**request)
        assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert yard.named(request["jobName"]) == []


def test_a_reader_may_describe_and_not_submit(yard, client_of):
    batch = client_of("reader", _arn(yard, "POST/v1/describejobs"), _arn(yard, "POST/v1/listjobs"))
    assert batch.list_jobs(jobQueue="default")["jobSummaryList"] == []
    with pytest.raises(batch.exceptions.ClientError) as refusal:
        batch.submit_job(**yard.request())
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_the_roles_are_enough_to_wait_and_to_retry(yard):
    """Relay starts and answers executions, whose own role changes the job."""
    flaky = yard.submit(
        'test "$AWS_BATCH_JOB_ATTEMPT" = 2',
        retryStrategy={"attempts": 2},
        tags={"batchyard:backoff": "1s"},
    )
    last = yard.submit("true", dependsOn=[{"jobId": flaky}])
    assert yard.ended(last)["status"] == "SUCCEEDED"
    assert yard.job(flaky)["status"] == "SUCCEEDED"
    assert set(eventually(lambda: _settled(yard, flaky, last))) == {"SUCCEEDED"}


def test_the_roles_are_enough_to_stop(yard):
    running = yard.submit("sleep 60")
    waiting = yard.submit("true", dependsOn=[{"jobId": running}])
    yard.until(running, "RUNNING")
    yard.until(waiting, "PENDING")
    yard.batch.cancel_job(jobId=waiting, reason="not needed")
    yard.batch.terminate_job(jobId=running, reason="enough")
    assert yard.ended(waiting)["statusReason"] == "not needed"
    assert yard.ended(running)["statusReason"] == "enough"


def test_the_roles_are_enough_for_large_requests(yard):
    """A task definition of its own, and a request that lies in S3."""
    overrides = {"environment": [{"name": "BIG", "value": "x" * 12_000}]}
    large = {"unused": "y" * 300_000}
    job = yard.submit("echo length=${#BIG}", containerOverrides=overrides, parameters=large)
    assert yard.ended(job)["status"] == "SUCCEEDED"
    assert yard.lines(job) == ["length=12000"]


def test_the_roles_are_enough_for_events_and_uploads(yard):
    request = yard.request("echo event")
    entry = {"Source": "my.app", "DetailType": "Submit Job", "Detail": json.dumps(request)}
    wrong = entry | {"Detail": "{}"}
    bus = {"EventBusName": yard.platform.event_bus}
    yard.client("events").put_events(Entries=[entry | bus, wrong | bus])
    bucket = yard.platform.input_bucket
    yard.client("s3").put_object(Bucket=bucket, Key="told/file.csv", Body=b"data")
    for name in (request["jobName"], "told-file-csv"):
        job = yard.arrived(name)
        assert yard.ended(job)["status"] == "SUCCEEDED", yard.lines(job)
    rejected = yard.platform.parameters["rejected-queue"]
    eventually(lambda: yard.sqs.receive_message(QueueUrl=rejected).get("Messages"), 20)


def test_the_roles_are_enough_to_make_and_remove_a_queue(yard):
    order = [{"order": 1, "computeEnvironment": "fargate"}]
    yard.batch.create_job_queue(
        jobQueueName="passing", priority=1, computeEnvironmentOrder=order, tags={"a": "b"}
    )
    assert yard.ended(yard.submit("true", jobQueue="passing"))["status"] == "SUCCEEDED"
    yard.batch.update_job_queue(jobQueue="passing", state="DISABLED")
    yard.batch.delete_job_queue(jobQueue="passing")
    _long_empty(yard, "passing")

    def gone() -> bool:
        yard.reconcile()
        return yard.batch.describe_job_queues(jobQueues=["passing"])["jobQueues"] == []

    eventually(gone)


def test_a_job_acts_as_its_role_and_no_further(yard):
    """The sample role may use the deployment's own buckets."""
    role = yard.platform.parameters["sample-job-role"]
    yard.define("acting", ["python3", "-c", _ACT], container={"jobRoleArn": role})
    places = {"MINE": yard.platform.output_bucket, "TABLE": yard.platform.parameters["jobs-table"]}
    environment = [{"name": k, "value": v} for k, v in places.items()]
    overrides = {"command": [], "environment": environment}
    job = yard.submit(jobDefinition="acting", containerOverrides=overrides)
    assert yard.ended(job)["status"] == "SUCCEEDED", yard.lines(job)
    acted, denied = yard.lines(job)
    assert "assumed-role/batchyard-sample-job" in acted
    assert "AccessDenied" in denied


_ACT = """
import boto3, os
print(boto3.client("sts").get_caller_identity()["Arn"])
boto3.client("s3").put_object(Bucket=os.environ["MINE"], Key="acted", Body=b"1")
try:
    boto3.client("dynamodb").scan(TableName=os.environ["TABLE"])
except Exception as refusal:
    print(refusal)
"""


def _api(yard: Yard) -> str:
    return str(yard.platform.api_id)


def _arn(yard: Yard, route: str) -> str:
    told = yard.platform
    return f"arn:aws:execute-api:{told.region}:{told.account}:{told.api_id}/$default/{route}"


def _spec(yard: Yard, job: str) -> dict[str, Any]:
    table = yard.platform.parameters["jobs-table"]
    key = {"pk": {"S": f"JOB#{job}"}, "sk": {"S": "SPEC"}}
    return dict(yard.client("dynamodb").get_item(TableName=table, Key=key)["Item"])


def _long_empty(yard: Yard, queue: str) -> None:
    """Let a queue have been empty for an hour: it is removed after some minutes only."""
    key = queue_key(queue)
    yard.client("dynamodb").update_item(
        TableName=yard.platform.parameters["catalog-table"],
        Key={"pk": {"S": key.pk}, "sk": {"S": key.sk}},
        UpdateExpression="SET emptied_at = :long_ago",
        ConditionExpression="attribute_exists(deleting_since)",
        ExpressionAttributeValues={":long_ago": {"N": str(int((time.time() - 3600) * 1000))}},
    )


def _settled(yard: Yard, *jobs: str) -> list[str]:
    """The statuses of these jobs' executions, once none runs."""
    found = [status for job in jobs for status in yard.executions(job).values()]
    return [] if "RUNNING" in found else found


def _denied(yard: Yard) -> list[str]:
    """What any function was not allowed to do, whether or not it was tried again some other way."""
    yard.reconcile()
    prefix = f"/aws/lambda/{yard.platform.deployment}-"
    groups = yard.logs.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
    assert groups
    lines = [
        event["message"]
        for group in groups
        for page in yard.logs.get_paginator("filter_log_events").paginate(
            logGroupName=group["logGroupName"]
        )
        for event in page["events"]
    ]
    log = Path(yard.platform.state, "logs", "cloud.log").read_text().splitlines()
    return [line for line in (*lines, *log) if "AccessDenied" in line or "not authorized" in line]
