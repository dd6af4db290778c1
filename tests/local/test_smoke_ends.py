"""However a smoke run ends, everything it made is removed, in order, or named as left."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.errors import PlatformError
from local.smoke import run
from local.smoke.cdk import Cdk
from local.smoke.cleanup import Cleanup
from local.smoke.plan import Plan
from local.smoke.watch import OutOfTime, undisturbed, within

NAME, REGION, GROUP = "byd-smoke-abc123", "us-east-1", "/aws/batch/job"
BUCKET = f"{NAME}-input"

#: Stands in for the CDK CLI: notes its command, and does what its last argument says.
CLI = """
import sys, time
order, deploys, command = sys.argv[1:4]
open(order, "a").write(f"cdk {command}\\n")
if command == "deploy" and deploys == "fails":
    sys.exit("x | CREATE_FAILED | no room")
if command == "deploy" and deploys == "hangs":
    time.sleep(60)
if command == "destroy" and deploys == "never destroys":
    sys.exit("destroy is broken")
"""


class Formation:
    """CloudFormation's two stacks of ours (moto's needs more than is installed); deleting works at
    once, but for a bucket that is not empty."""

    def __init__(self, note, s3) -> None:
        self.standing = {f"{NAME}-data": "CREATE_COMPLETE", f"{NAME}-compute": "CREATE_COMPLETE"}
        self._note, self._s3 = note, s3

    def describe_stacks(self, StackName):
        if StackName in self.standing:
            return {"Stacks": [{"StackStatus": self.standing[StackName]}]}
        told = {"Code": "ValidationError", "Message": f"Stack {StackName} does not exist"}
        raise ClientError({"Error": told}, "DescribeStacks")

    def delete_stack(self, StackName):
        self._note("DeleteStack")
        if StackName.endswith("-data"):
            try:
                self._s3.delete_bucket(Bucket=BUCKET)
            except ClientError:
                self.standing[StackName] = "DELETE_FAILED"
                return
        del self.standing[StackName]

    def get_paginator(self, operation):
        return self

    def paginate(self, StackName):
        bucket = {"ResourceType": "AWS::S3::Bucket", "PhysicalResourceId": BUCKET}
        return [{"StackResourceSummaries": [bucket]}]


class World:
    """An account (moto's) with all that a deployment leaves, and the order of what was done."""

    def __init__(self, root) -> None:
        self.root = root
        self._order = root / "order"
        self.client("s3").create_bucket(Bucket=BUCKET)
        self.client("s3").put_object(Bucket=BUCKET, Key="told/x", Body=b"x")
        logs = self.client("logs")
        for group in (GROUP, f"/aws/lambda/{NAME}-api", "/aws/lambda/another-api"):
            logs.create_log_group(logGroupName=group)
        for stream in (f"{NAME}-sh/default/1", "theirs/default/1"):
            logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        self._run_a_task()
        self.formation = Formation(self._wrote, self.client("s3"))
        self._order.write_text("")

    def client(self, service):
        if service == "cloudformation":
            return self.formation
        made = boto3.client(service, REGION)
        made.meta.events.register("before-call", self._note)
        return made

    def _note(self, model, **_) -> None:
        if not model.name.startswith(("Describe", "List", "Get")):
            self._wrote(model.name)

    def _wrote(self, operation) -> None:
        with self._order.open("a") as order:
            order.write(f"{operation}\n")

    def _run_a_task(self) -> None:
        ecs, ec2 = self.client("ecs"), self.client("ec2")
        ecs.create_cluster(clusterName=NAME)
        ecs.register_task_definition(
            family=f"{NAME}-sh",
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            requiresCompatibilities=["FARGATE"],
            containerDefinitions=[{"name": "default", "image": "x", "memory": 512}],
        )
        (subnet, *_), (group, *_) = (
            ec2.describe_subnets()["Subnets"],
            ec2.describe_security_groups()["SecurityGroups"],
        )
        place = {"subnets": [subnet["SubnetId"]], "securityGroups": [group["GroupId"]]}
        ecs.run_task(
            cluster=NAME,
            taskDefinition=f"{NAME}-sh",
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": place},
        )

    def cdk(self, does="works") -> Cdk:
        command = [sys.executable, "-c", CLI, str(self._order), does]
        state = self.root / "smoke"
        state.mkdir(exist_ok=True)
        return Cdk(root=self.root, state=state, region=REGION, say=print, command=command)

    def cleanup(self, **more) -> Cleanup:
        told = {"log_group": GROUP, "say": print, "sleep": lambda seconds: None}
        return Cleanup(NAME, self.client, **told | more)

    def smoke(self, monkeypatch, does="works", prove=None) -> int:
        monkeypatch.setattr(Cdk, "synthesize", lambda self, context: None)
        plan = Plan(deployment=NAME, account="1", region=REGION, caller="me", minutes=30)
        return run.Smoke(
            plan, self.root, self.cdk(does), self.client, platform=_no_platform, prove=prove
        ).run()

    def order(self) -> list[str]:
        return list(dict.fromkeys(self._order.read_text().split("\n")[:-1]))

    def report(self) -> dict:
        return json.loads((self.root / run.REPORT).read_text())


def _no_platform():
    raise PlatformError("The control plane is not there.")


@pytest.fixture
def world(tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setattr("local.smoke.cleanup.PAUSE", 0)
    with mock_aws():
        yield World(tmp_path)


REMOVAL = [
    "StopTask",
    "DeleteObjects",
    "cdk destroy",
    "DeleteStack",
    "DeleteBucket",
    "DeregisterTaskDefinition",
    "DeleteTaskDefinitions",
    "DeleteLogGroup",
    "DeleteLogStream",
]


# ── the order ─────────────────────────────────────────────────────────────────────────────────


def test_tasks_are_stopped_and_buckets_emptied_before_stacks_go(world):
    """This CLI destroys nothing: what it leaves is deleted by CloudFormation itself."""
    assert world.cleanup(destroy=world.cdk().destroy).run() == []
    assert world.order() == REMOVAL


def test_a_destroy_that_fails_is_made_good_by_cloudformation(world):
    assert world.cleanup(destroy=world.cdk("never destroys").destroy).run() == []
    assert world.formation.standing == {}


def test_only_what_is_the_deployments_own_is_removed(world):
    world.cleanup().run()
    logs = world.client("logs")
    groups = {g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]}
    assert groups == {GROUP, "/aws/lambda/another-api"}
    (stream,) = logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert stream["logStreamName"] == "theirs/default/1"


@pytest.mark.parametrize(
    "name", ["batchyard", "byd-smoke-", "byd-smoke-ABC123", "byd-smoke-abc1234"]
)
def test_no_other_deployment_is_ever_removed(world, name):
    with pytest.raises(PlatformError, match="not a smoke deployment"):
        Cleanup(name, world.client, print, GROUP)
    assert world.order() == []


def test_what_is_left_is_named_with_the_command_that_removes_it(world, monkeypatch):
    monkeypatch.setattr(Cleanup, "_delete", lambda self, stack: None)
    monkeypatch.setattr(Cleanup, "_stop_tasks", lambda self: None)
    left = world.cleanup().run()
    assert [one.what.split()[0] for one in left] == ["stack", "stack", "task", "bucket"]
    told = run.told_of(left, NAME)
    assert f"aws cloudformation delete-stack --stack-name {NAME}-data" in told
    assert f"aws s3 rb --force s3://{BUCKET}" in told
    assert f"python -m local smoke --clean {NAME}" in told


def test_what_cannot_be_asked_counts_as_left(world):
    def blind(service):
        if service == "ecs":
            raise OSError("no network")
        return world.client(service)

    cleanup = world.cleanup()
    cleanup.client = blind
    assert [one.what for one in cleanup.run()] == [
        "perhaps a task: OSError: no network",
        "perhaps a task definition: OSError: no network",
    ]


# ── whatever happens ──────────────────────────────────────────────────────────────────────────


def test_a_run_that_goes_well_removes_everything(world, monkeypatch):
    proved = []
    assert world.smoke(monkeypatch, prove=proved.append) == 0
    assert len(proved) == 1
    assert world.order()[0] == "cdk deploy"
    assert world.report()["state"] == run.REMOVED


def test_a_deploy_that_fails_removes_everything_and_says_why(world, monkeypatch, capsys):
    proved = []
    assert world.smoke(monkeypatch, "fails", proved.append) == 1
    assert proved == []
    assert world.order()[:4] == ["cdk deploy", "StopTask", "DeleteObjects", "cdk destroy"]
    assert "CREATE_FAILED | no room" in capsys.readouterr().out


@pytest.mark.parametrize(
    "error", [PlatformError("broken"), KeyError("broken"), KeyboardInterrupt()]
)
def test_a_failure_while_proving_removes_everything(world, monkeypatch, error):
    def prove(smoke):
        raise error

    assert world.smoke(monkeypatch, prove=prove) == 1
    assert "cdk destroy" in world.order()
    report = world.report()
    assert (report["state"], report["left"]) == (run.REMOVED, [])
    assert "broken" in report["fault"] or report["fault"] == "Interrupted."


def test_ctrl_c_during_the_deploy_ends_the_cli_and_removes_everything(world, monkeypatch):
    def press() -> None:
        while "cdk deploy" not in world.order():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    began = time.monotonic()
    assert world.smoke(monkeypatch, "hangs") == 1
    assert time.monotonic() - began < 30
    assert "cdk destroy" in world.order()
    assert world.report()["fault"] == "Interrupted."


def test_a_run_that_was_not_removed_is_known_by_its_report(world, monkeypatch):
    monkeypatch.setattr(Cleanup, "_delete", lambda self, stack: None)
    assert world.smoke(monkeypatch, prove=lambda smoke: None) == 1
    report = world.report()
    assert (report["state"], report["deployment"]) == (run.STANDING, NAME)
    assert len(report["left"]) == 3  # two stacks and a bucket


def test_the_watchdog_ends_what_takes_too_long():
    with pytest.raises(OutOfTime), within(0.0005):
        time.sleep(5)


def test_nothing_disturbs_the_removal():
    with undisturbed():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
