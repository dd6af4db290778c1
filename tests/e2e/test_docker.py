"""The same jobs in real containers, where a Docker engine answers.

Skipped where none does, unless BATCHYARD_REQUIRE_DOCKER=1. The image is made here: no registry.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from local import engine
from local.agent.containers import DockerRuntime
from tests.e2e.yard import Yard, running

pytestmark = pytest.mark.docker

IMAGE = "batchyard-e2e:1"
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"


@pytest.fixture(scope="module")
def yard(tmp_path_factory) -> Iterator[Yard]:
    if DockerRuntime.find() is None:
        if os.environ.get("BATCHYARD_REQUIRE_DOCKER") == "1":
            pytest.fail("BATCHYARD_REQUIRE_DOCKER is 1, but no Docker engine answers")
        pytest.skip("no Docker engine answers")
    engine.image(IMAGE)
    with running(tmp_path_factory.mktemp("docker"), runtime="docker") as platform:
        made = Yard(platform)
        made.define("sh", ["true"], image=IMAGE)
        yield made


def test_the_platform_says_what_runs_the_containers(yard):
    assert yard.platform.runtime.startswith("docker: a Docker engine answers")


def test_a_plain_job_runs_in_its_image(yard):
    script = "echo hello from $(readlink /bin/sh); ls -d /usr 2>&1; id -u; exit 3"
    job = yard.ended(yard.submit(script))
    assert (job["status"], job["container"]["exitCode"]) == ("FAILED", 3)
    assert yard.lines(job["jobId"])[0] == "hello from busybox"
    assert "No such file" in yard.lines(job["jobId"])[1], "the machine's own files are not there"


def test_a_job_that_takes_too_much_memory_is_killed(yard):
    job = yard.ended(yard.submit("a=x; while :; do a=$a$a; done"))
    assert (job["status"], job["container"]["exitCode"]) == ("FAILED", 137)
    assert job["container"]["reason"] == OUT_OF_MEMORY


def test_a_terminated_job_hears_sigterm(yard):
    job = yard.submit("trap 'echo heard; exit 5' TERM; echo ready; while :; do sleep 0.1; done")
    yard.line(job, "ready")
    yard.until(job, "RUNNING")
    yard.batch.terminate_job(jobId=job, reason="enough")
    ended = yard.ended(job)
    assert (ended["statusReason"], ended["container"]["exitCode"]) == ("enough", 5)
    assert "heard" in yard.lines(job)


def test_an_image_that_cannot_be_had_fails_the_job_in_ecs_s_words(yard):
    yard.define("absent", ["true"], image="127.0.0.1:1/no/such-image:1")
    job = yard.ended(yard.submit(jobDefinition="absent"))
    assert job["status"] == "FAILED"
    assert "CannotPullContainerError" in job["container"]["reason"]
