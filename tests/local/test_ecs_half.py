"""Our half of ECS: tasks wait for an agent, tokens hold, and every change is told."""

import json

import pytest
from ministack.core import responses
from ministack.services import ecs, eventbridge, sqs

from local.ecs import EcsHalf
from local.ecs_events import Emitter

CLUSTER = "batch"
QUEUE = "events"


class Cloud:
    """MiniStack's modules in this process, with our half installed and a clock of ours."""

    def __init__(self):
        self.time = 1_700_000_000.0
        self.emitter = Emitter(eventbridge, responses)
        self.half = EcsHalf(ecs, self.emitter, lambda: self.time)
        self.half.install()
        self.call("CreateCluster", clusterName=CLUSTER)
        container = {"name": "default", "image": "busybox", "command": ["true"]}
        self.call(
            "RegisterTaskDefinition",
            family="job",
            cpu="256",
            memory="512",
            requiresCompatibilities=["FARGATE"],
            containerDefinitions=[container],
        )

    def call(self, action, **data):
        status, _, body = ecs._ACTION_MAP[action](data)
        answer = json.loads(body)
        assert status == 200, answer
        return answer

    def refused(self, action, **data):
        status, _, body = ecs._ACTION_MAP[action](data)
        assert status == 400
        return json.loads(body)

    def run(self, **more):
        request = {"cluster": CLUSTER, "taskDefinition": "job", "launchType": "FARGATE", **more}
        return self.call("RunTask", **request)["tasks"][0]

    def report(self, task, status, **more):
        arn = task["taskArn"]
        return self.call("SubmitTaskStateChange", cluster=CLUSTER, task=arn, status=status, **more)[
            "acknowledgment"
        ]

    def task(self, task):
        return self.call("DescribeTasks", cluster=CLUSTER, tasks=[task["taskArn"]])["tasks"][0]

    def events(self):
        self.emitter.drain()
        return [
            e | {"Detail": json.loads(e["Detail"])}
            for e in eventbridge._events_log_list()
            if e["DetailType"] == "ECS Task State Change"
        ]


@pytest.fixture
def cloud(monkeypatch):
    monkeypatch.setattr(ecs, "_get_docker", ecs._get_docker)
    for name in ("_run_task", "_stop_task"):
        monkeypatch.setattr(ecs, name, getattr(ecs, name))
    actions = dict(ecs._ACTION_MAP)
    cloud = Cloud()
    yield cloud
    cloud.emitter.drain()
    ecs.reset()
    eventbridge.reset()
    sqs.reset()
    ecs._ACTION_MAP.clear()
    ecs._ACTION_MAP.update(actions)


def exited(code, reason=None):
    container = {"containerName": "default", "status": "STOPPED", "exitCode": code}
    return [container | ({"reason": reason} if reason else {})]


def test_a_task_is_accepted_and_waits_for_an_agent(cloud):
    task = cloud.run(startedBy="job/1")
    assert task["lastStatus"] == "PROVISIONING"
    assert task["desiredStatus"] == "RUNNING"
    assert "startedAt" not in task
    assert "containerInstanceArn" not in task
    assert [c["lastStatus"] for c in task["containers"]] == ["PENDING"]
    assert task["attachments"][0]["type"] == "ElasticNetworkInterface"


def test_the_size_of_a_task_is_what_the_overrides_say(cloud):
    task = cloud.run(overrides={"cpu": "2048", "memory": "4096"})
    assert (task["cpu"], task["memory"]) == ("2048", "4096")
    assert (cloud.run()["cpu"], cloud.run()["memory"]) == ("256", "512")


def test_one_token_makes_one_task(cloud):
    first = cloud.run(clientToken="t", startedBy="a")
    again = cloud.run(clientToken="t", startedBy="a")
    assert again["taskArn"] == first["taskArn"]
    assert len(cloud.call("ListTasks", cluster=CLUSTER)["taskArns"]) == 1


def test_a_token_with_another_request_is_a_conflict_that_names_the_task(cloud):
    first = cloud.run(clientToken="t", startedBy="a")
    request = {"cluster": CLUSTER, "taskDefinition": "job", "launchType": "FARGATE"}
    error = cloud.refused("RunTask", **request, clientToken="t", startedBy="b")
    assert error["__type"] == "ConflictException"
    assert error["resourceIds"] == [first["taskArn"]]


def test_a_token_is_remembered_by_the_saved_state(cloud):
    task = cloud.run(clientToken="t")
    saved = ecs.get_state()
    ecs._tasks.clear()
    ecs.load_persisted_state(saved)
    assert cloud.run(clientToken="t")["taskArn"] == task["taskArn"]


def test_overrides_that_are_too_long_are_refused_as_ecs_does(cloud):
    long = {"containerOverrides": [{"name": "default", "command": ["x" * 8192]}]}
    error = cloud.refused(
        "RunTask", cluster=CLUSTER, taskDefinition="job", launchType="FARGATE", overrides=long
    )
    assert error["message"] == "Container Overrides length must be at most 8192"


def test_the_agent_s_reports_carry_a_task_to_its_end(cloud):
    task = cloud.run()
    assert cloud.report(task, "PENDING") == "ACCEPT"
    running = [{"containerName": "default", "status": "RUNNING", "runtimeId": "r1"}]
    cloud.report(task, "RUNNING", containers=running)
    now = cloud.task(task)
    assert (now["lastStatus"], now["containers"][0]["runtimeId"]) == ("RUNNING", "r1")
    cloud.report(task, "STOPPED", containers=exited(3))
    now = cloud.task(task)
    assert (now["lastStatus"], now["desiredStatus"]) == ("STOPPED", "STOPPED")
    assert now["stopCode"] == "EssentialContainerExited"
    assert now["stoppedReason"] == "Essential container in task exited"
    assert now["containers"][0]["exitCode"] == 3


def test_a_report_that_comes_late_changes_nothing(cloud):
    task = cloud.run()
    cloud.report(task, "RUNNING")
    version = cloud.task(task)["version"]
    cloud.report(task, "PENDING")
    assert cloud.task(task)["version"] == version
    cloud.report(task, "STOPPED", containers=exited(0))
    assert cloud.report(task, "RUNNING") == "REJECT"
    assert cloud.task(task)["lastStatus"] == "STOPPED"


def test_a_container_that_never_started_says_so(cloud):
    task = cloud.run()
    cloud.report(task, "PENDING")
    reason = "CannotPullContainerError: no such image"
    cloud.report(task, "STOPPED", reason=reason)
    now = cloud.task(task)
    assert (now["stopCode"], now["stoppedReason"]) == ("TaskFailedToStart", reason)
    assert "exitCode" not in now["containers"][0]


def test_a_lost_host_is_a_termination(cloud):
    task = cloud.run()
    cloud.report(task, "RUNNING")
    cloud.report(task, "STOPPED", reason="Host EC2 (instance i-1) terminated.")
    assert cloud.task(task)["stopCode"] == "TerminationNotice"


def test_stop_marks_a_taken_task_and_leaves_its_end_to_the_agent(cloud):
    task = cloud.run()
    cloud.report(task, "RUNNING")
    cloud.call("StopTask", cluster=CLUSTER, task=task["taskArn"], reason="enough")
    now = cloud.task(task)
    assert (now["lastStatus"], now["desiredStatus"]) == ("RUNNING", "STOPPED")
    assert cloud.call("ListTasks", cluster=CLUSTER)["taskArns"] == []
    assert cloud.call("Poll")["stop"] == [task["taskArn"]]
    cloud.report(task, "STOPPED", containers=exited(137))
    now = cloud.task(task)
    assert (now["stopCode"], now["stoppedReason"]) == ("UserInitiated", "enough")
    assert now["containers"][0]["exitCode"] == 137


def test_stop_ends_a_task_that_no_agent_has_taken(cloud):
    task = cloud.run()
    cloud.call("StopTask", cluster=CLUSTER, task=task["taskArn"], reason="enough")
    assert cloud.task(task)["lastStatus"] == "STOPPED"
    assert cloud.call("Poll")["start"] == []
    assert cloud.report(task, "PENDING") == "REJECT"


def test_stopped_tasks_are_listed_as_stopped_and_forgotten_after_an_hour(cloud):
    task = cloud.run(startedBy="me")
    cloud.report(task, "STOPPED", containers=exited(0))
    assert cloud.call("ListTasks", cluster=CLUSTER, startedBy="me")["taskArns"] == []
    stopped = {"cluster": CLUSTER, "desiredStatus": "STOPPED"}
    assert cloud.call("ListTasks", **stopped)["taskArns"] == [task["taskArn"]]
    cloud.time += 3700
    assert cloud.call("ListTasks", **stopped)["taskArns"] == []
    missing = cloud.call("DescribeTasks", cluster=CLUSTER, tasks=[task["taskArn"]])["failures"]
    assert missing[0]["reason"] == "MISSING"


def test_every_change_is_an_event_with_a_version_of_its_own(cloud):
    task = cloud.run(startedBy="job/1", overrides={"containerOverrides": [{"name": "default"}]})
    cloud.report(task, "PENDING")
    cloud.report(task, "RUNNING")
    cloud.report(task, "STOPPED", containers=exited(137, "OutOfMemoryError: …"))
    events = cloud.events()
    details = [e["Detail"] for e in events]
    steps = ["PROVISIONING", "PENDING", "RUNNING", "STOPPED"]
    assert [d["lastStatus"] for d in details] == steps
    assert [d["version"] for d in details] == [1, 2, 3, 4]
    assert {e["Source"] for e in events} == {"aws.ecs"}
    assert events[0]["Resources"] == [task["taskArn"]]
    last = details[-1]
    assert last["startedBy"] == "job/1"
    assert last["containers"][0]["exitCode"] == 137
    assert last["containers"][0]["reason"].startswith("OutOfMemoryError")
    assert last["startedAt"].endswith("Z")
    assert last["stoppedAt"] >= last["startedAt"]
    assert last["overrides"] == {"containerOverrides": [{"name": "default"}]}
    assert not [name for name in last if name.startswith("_")]


def test_poll_hands_out_what_is_to_start_with_its_definition(cloud):
    task = cloud.run()
    polled = cloud.call("Poll", seen=0)
    assert polled["start"][0]["task"]["taskArn"] == task["taskArn"]
    assert polled["start"][0]["taskDefinition"]["containerDefinitions"][0]["image"] == "busybox"
    cloud.report(task, "PENDING")
    polled = cloud.call("Poll", seen=polled["generation"])
    assert (polled["start"], polled["taken"]) == ([], [task["taskArn"]])
