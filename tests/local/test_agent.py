"""Cloud and agent together, without stacks: what RunTask accepts is run once, and told truly."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import psutil
import pytest

from local import awsclient
from local.ports import Ports
from local.running import answers

GROUP = "/aws/batch/job"
LOG = {"awslogs-group": GROUP, "awslogs-stream-prefix": "job", "awslogs-region": "us-east-1"}


class Host:
    """A local cloud, and agents started and ended at will."""

    def __init__(self, root):
        self.root = root
        port = Ports.free().cloud
        self.endpoint = f"http://127.0.0.1:{port}"
        (root / "tmp").mkdir()
        self.cloud = self.spawn("local.cloud", GATEWAY_PORT=str(port), TMPDIR=str(root / "tmp"))
        self.until(lambda: answers(self.endpoint))
        clients = (awsclient.client(name, self.endpoint) for name in ("ecs", "logs"))
        self.ecs, self.logs = clients
        self.ecs.create_cluster(clusterName="batch")
        self.begin()

    def spawn(self, module, *arguments, **environment):
        told = awsclient.sealed(os.environ) | environment
        with (self.root / f"{module}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments], env=told, stdout=log, stderr=log
            )

    def begin(self):
        state = str(self.root / "agent")
        told = ("--endpoint", self.endpoint, "--state", state, "--runtime", "process")
        self.agent = self.spawn("local.agent", *told)

    def until(self, ready):
        deadline = time.monotonic() + 20
        while not ready():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def run(self, *command, **more):
        container = {"name": "default", "image": "ignored", "command": command, **more}
        container["logConfiguration"] = {"logDriver": "awslogs", "options": LOG}
        definition = self.ecs.register_task_definition(
            family="job",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="512",
            memory="128",
            containerDefinitions=[container],
        )["taskDefinition"]["taskDefinitionArn"]
        answer = self.ecs.run_task(cluster="batch", taskDefinition=definition, launchType="FARGATE")
        return answer["tasks"][0]["taskArn"]

    def task(self, arn):
        return self.ecs.describe_tasks(cluster="batch", tasks=[arn])["tasks"][0]

    def becomes(self, arn, status):
        self.until(lambda: self.task(arn)["lastStatus"] == status)
        return self.task(arn)

    def ended(self, arn):
        task = self.becomes(arn, "STOPPED")
        return task, task["containers"][0]

    def lines(self, arn):
        stream = f"job/default/{arn.rsplit('/', 1)[-1]}"
        try:
            found = self.logs.get_log_events(
                logGroupName=GROUP, logStreamName=stream, startFromHead=True
            )
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in found["events"]]

    def close(self):
        for process in (self.agent, self.cloud):
            process.terminate()
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    started = Host(tmp_path_factory.mktemp("host"))
    yield started
    started.close()


def test_a_task_runs_to_its_end_and_its_output_is_there(host):
    task, container = host.ended(arn := host.run("sh", "-c", "echo out; echo err >&2; exit 3"))
    assert (task["stopCode"], container["exitCode"]) == ("EssentialContainerExited", 3)
    assert container["runtimeId"]
    assert host.lines(arn) == ["out", "err"]


def test_output_is_there_while_the_task_still_runs(host):
    arn = host.run("sh", "-c", "echo early; sleep 60")
    host.until(lambda: host.lines(arn) == ["early"])
    assert host.task(arn)["lastStatus"] == "RUNNING"
    host.ecs.stop_task(cluster="batch", task=arn, reason="enough")
    task, container = host.ended(arn)
    assert (task["stoppedReason"], container["exitCode"]) == ("enough", 143)


def test_a_stop_that_is_ignored_ends_in_a_kill(host):
    arn = host.run("sh", "-c", "trap '' TERM; echo on; while :; do sleep 0.1; done", stopTimeout=2)
    host.until(lambda: host.lines(arn) == ["on"])
    host.ecs.stop_task(cluster="batch", task=arn)
    _, container = host.ended(arn)
    assert container["exitCode"] == 137


def test_memory_past_the_task_s_size_is_ecs_s_reason(host):
    hog = "b = bytearray()\nwhile True: b += bytes(8 * 1024 * 1024)"
    _, container = host.ended(host.run(sys.executable, "-c", hog))
    assert container["exitCode"] == 137
    assert container["reason"] == "OutOfMemoryError: Container killed due to memory usage"


def test_a_task_without_a_command_fails_to_start_and_says_why(host):
    task, _ = host.ended(host.run())
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotStartContainerError: ")


def test_a_container_learns_of_itself_and_reaches_the_local_cloud(host):
    code = (
        "import json, os, urllib.request as u\n"
        "at = os.environ['ECS_CONTAINER_METADATA_URI_V4']\n"
        "for path in ('', '/task', '/stats', '/task/stats'):\n"
        "    print(json.dumps(json.load(u.urlopen(at + path))))\n"
        "print(os.environ['AWS_EXECUTION_ENV'], os.environ['AWS_ENDPOINT_URL'])\n"
    )
    arn = host.run(sys.executable, "-c", code)
    assert host.ended(arn)[1]["exitCode"] == 0
    *pages, variables = host.lines(arn)
    container, task, stats, both = map(json.loads, pages)
    assert container["Labels"]["com.amazonaws.ecs.task-arn"] == task["TaskARN"] == arn
    assert container["Limits"] == {"CPU": 512, "Memory": 128}
    assert stats["memory_stats"]["limit"] == 128 * 1024 * 1024
    assert list(both) == [container["DockerId"]]
    assert variables == f"AWS_ECS_FARGATE {host.endpoint}"


def test_a_killed_agent_s_tasks_are_lost_with_their_host_and_never_run_twice(host, tmp_path):
    marks = tmp_path / "marks"
    arn = host.run("sh", "-c", f"echo x >> {marks}; setsid sleep 300 & echo $!; sleep 300")
    host.until(lambda: host.lines(arn))
    host.agent.send_signal(signal.SIGKILL)
    host.agent.wait()
    orphan = int(host.lines(arn)[0])
    host.until(lambda: not psutil.pid_exists(orphan) or _zombie(orphan))
    host.begin()
    task, container = host.ended(arn)
    assert task["stoppedReason"] == "Host EC2 (instance i-local) terminated."
    assert "exitCode" not in container
    assert host.ended(host.run("true"))[1]["exitCode"] == 0
    assert marks.read_text() == "x\n"


def _zombie(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}])
def test_the_cloud_itself_refuses_what_a_web_page_can_send(host, headers):
    target = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.RunTask"}
    request = urllib.request.Request(host.endpoint, b"{}", {**target, **headers})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 403
