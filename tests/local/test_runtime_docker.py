"""Containers on a Docker engine: the same promises as processes, and images besides.

Skipped where no engine answers, unless BATCHYARD_REQUIRE_DOCKER=1.
"""

import os
import threading
import time
import uuid

import pytest

from local import engine
from local.agent.containers import DockerRuntime
from local.agent.logs import Pump
from local.agent.orders import MIB, Container
from local.agent.runtime import CannotStart

pytestmark = pytest.mark.docker
IMAGE = "batchyard-test:1"


@pytest.fixture(scope="module")
def runtime():
    found = DockerRuntime.find()
    if found is None:
        if os.environ.get("BATCHYARD_REQUIRE_DOCKER") == "1":
            pytest.fail("BATCHYARD_REQUIRE_DOCKER is 1, but no Docker engine answers")
        pytest.skip("no Docker engine answers")
    engine.image(IMAGE)
    return found


class Job:
    def __init__(self, runtime, work, *command, **more):
        read, write = os.pipe()
        self.lines = []
        self.pumping = threading.Thread(target=Pump(read, self).run)
        container = Container("default", more.pop("image", IMAGE), command=command, **more)
        try:
            runtime.prepare(container)
            self.running = runtime.start(container, write, work)
        finally:
            os.close(write)
            self.pumping.start()

    def put(self, events):
        self.lines += [line for _, line in events]

    def wait(self):
        outcome = self.running.wait()
        self.pumping.join(10)
        return outcome

    def until(self, line):
        deadline = time.monotonic() + 15
        while line not in self.lines:
            assert time.monotonic() < deadline, self.lines
            time.sleep(0.02)


@pytest.fixture
def start(runtime, tmp_path):
    work = tmp_path / str(uuid.uuid4())
    work.mkdir()
    yield lambda *command, **more: Job(runtime, work, *command, **more)
    runtime.end(work.name, None)


def test_output_and_exit_code(start):
    job = start("sh", "-c", "echo out; echo err >&2; exit 3")
    assert job.wait().exit_code == 3
    assert sorted(job.lines) == ["err", "out"]


def test_environment_and_entry_point(start):
    job = start("-c", 'echo "$A"', entry_point=("sh",), environment={"A": "b c"})
    job.wait()
    assert job.lines == ["b c"]


def test_memory_past_the_limit_ends_it_with_ecs_s_reason(start):
    hog = "a=x; while :; do a=$a$a; done"
    outcome = start("sh", "-c", hog, memory=32 * MIB).wait()
    assert outcome.exit_code == 137
    assert outcome.reason == "OutOfMemoryError: Container killed due to memory usage"


def test_more_processors_than_there_are_is_no_error(start):
    assert start("true", cpu=1024 * 512, memory=MIB).wait().exit_code == 0


def test_terminate_and_kill(start):
    job = start("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    job.until("ready")
    job.running.terminate()
    time.sleep(0.3)
    job.running.kill()
    assert job.wait().exit_code == 137


def test_an_image_that_cannot_be_had_is_ecs_s_error(start):
    with pytest.raises(CannotStart, match="CannotPullContainerError"):
        start("true", image="127.0.0.1:1/no/such-image:1")


def test_a_command_that_does_not_exist_cannot_start(start):
    with pytest.raises(CannotStart, match="CannotStartContainerError"):
        start("no-such-thing")


def test_a_successor_removes_what_a_killed_agent_left(runtime, start, tmp_path):
    job = start("sleep", "300")
    (task,) = (path.name for path in tmp_path.iterdir())
    runtime.end(task, None)
    assert job.wait().exit_code == 137
