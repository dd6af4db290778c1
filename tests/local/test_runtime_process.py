"""Containers as process trees: limits, ends that leave nothing, output that loses nothing."""

import os
import signal
import sys
import threading
import time
import uuid
from pathlib import Path

import psutil
import pytest

from local.agent import cgroups
from local.agent.logs import Pump
from local.agent.orders import MIB, Container
from local.agent.process import ProcessRuntime
from local.agent.runtime import CannotStart, Outcome

GROUPS = cgroups.find()
HOG = "b = bytearray()\nwhile True: b += bytes(8 * 1024 * 1024)"
OOM = "OutOfMemoryError: Container killed due to memory usage"


class Job:
    """One container started, its output collected."""

    def __init__(self, runtime: ProcessRuntime, work: Path, *command: str, **more):
        read, write = os.pipe()
        self.lines = []
        self.batches = []
        self.pumping = threading.Thread(target=Pump(read, self).run)
        container = Container("default", "ignored", command=command, **more)
        directory = work / str(uuid.uuid4())
        directory.mkdir()
        try:
            self.running = runtime.start(container, write, directory)
        finally:
            os.close(write)
            self.pumping.start()
        self.work = directory

    def put(self, events):
        self.batches.append(events)
        self.lines += [line for _, line in events]

    def wait(self) -> Outcome:
        outcome = self.running.wait()
        self.pumping.join(10)
        assert not self.pumping.is_alive()
        return outcome

    def until(self, line: str) -> None:
        deadline = time.monotonic() + 10
        while line not in self.lines:
            assert time.monotonic() < deadline, self.lines
            time.sleep(0.02)


@pytest.fixture(params=["groups", "watch"])
def runtime(request):
    if request.param == "groups" and GROUPS is None:
        pytest.skip("no writable control group here")
    return ProcessRuntime(GROUPS if request.param == "groups" else None)


@pytest.fixture
def start(runtime, tmp_path):
    return lambda *command, **more: Job(runtime, tmp_path, *command, **more)


def python(code):
    return (sys.executable, "-c", code)


def gone(pid):
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("code", [0, 1, 42])
def test_the_exit_code_is_the_command_s(start, code):
    assert start("sh", "-c", f"exit {code}").wait().exit_code == code


def test_a_signal_is_128_and_its_number(start):
    assert start("sh", "-c", "kill -SEGV $$").wait().exit_code == 128 + signal.SIGSEGV


def test_memory_past_the_limit_ends_it_with_ecs_s_reason(start):
    outcome = start(*python(HOG), memory=64 * MIB).wait()
    assert (outcome.exit_code, outcome.reason) == (137, OOM)


def test_memory_below_the_limit_is_left_alone(start):
    job = start(*python("b = bytes(32 * 1024 * 1024); print(len(b))"), memory=256 * MIB)
    assert job.wait().exit_code == 0
    assert job.lines == [str(32 * MIB)]


def test_what_is_not_the_job_s_fault_is_not_called_out_of_memory(start):
    outcome = start("sh", "-c", "kill -KILL $$", memory=64 * MIB).wait()
    assert (outcome.exit_code, outcome.reason) == (137, None)


def test_nothing_survives_the_first_process(start):
    job = start(
        "sh",
        "-c",
        "setsid sleep 300 & sleep 300 & setsid sh -c 'echo $$; exec sleep 300' & sleep 0.3; exit 5",
    )
    assert job.wait().exit_code == 5
    assert gone(int(job.lines[0]))


def test_kill_takes_descendants_that_left_the_session(start):
    job = start("sh", "-c", "setsid sh -c 'setsid sleep 300 & echo $!; wait' & wait")
    while not job.lines:
        time.sleep(0.02)
    job.running.kill()
    assert job.wait().exit_code == 137
    assert gone(int(job.lines[0]))


def test_terminate_lets_the_command_say_how_it_ends(start):
    handler = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye'), sys.exit(7)))\n"
        "print('ready')\n"
        "time.sleep(60)"
    )
    job = start(*python(handler))
    job.until("ready")
    job.running.terminate()
    assert job.wait().exit_code == 7
    assert job.lines == ["ready", "bye"]


def test_terminate_may_be_ignored_and_kill_may_not(start):
    job = start("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    job.until("ready")
    job.running.terminate()
    time.sleep(0.3)
    assert psutil.pid_exists(job.running.handle["pid"])
    job.running.kill()
    assert job.wait().exit_code == 137


def test_environment_and_directory_are_its_own(start):
    job = start(
        "sh", "-c", 'echo "$A"; pwd; echo "$HOME"; echo "${USER:-none}"', environment={"A": "b c"}
    )
    job.wait()
    assert job.lines == ["b c", str(job.work), str(job.work), "none"]


def test_both_outputs_arrive_in_the_order_they_were_written(start):
    job = start("sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do echo o$i; echo e$i >&2; done")
    job.wait()
    assert job.lines == [f"{kind}{i}" for i in range(1, 10) for kind in "oe"]


def test_nothing_of_a_flood_is_lost(start):
    job = start("sh", "-c", "seq 1 50000")
    job.wait()
    assert job.lines == [str(i) for i in range(1, 50001)]
    assert all(len(batch) <= 10_000 for batch in job.batches)
    times = [at for batch in job.batches for at, _ in batch]
    assert times == sorted(times)


def test_bytes_that_are_not_text_do_no_harm(start):
    job = start("printf", r"caf\351\n\377\376\nok\n")
    job.wait()
    assert job.lines == ["caf�", "��", "ok"]


def test_a_line_without_an_end_is_there_within_two_seconds(start):
    job = start("sh", "-c", "printf unfinished; sleep 30")
    began = time.monotonic()
    job.until("unfinished")
    assert time.monotonic() - began < 2
    job.running.kill()
    job.wait()


def test_a_command_that_does_not_exist_cannot_start(start):
    with pytest.raises(CannotStart, match="CannotStartContainerError: cannot run 'no-such-thing'"):
        start("no-such-thing")


def test_no_command_is_explained(start):
    with pytest.raises(CannotStart, match=r"CannotStartContainerError: .* neither command"):
        start()


def test_a_successor_ends_what_a_killed_agent_left(runtime, start):
    job = start("sh", "-c", "setsid sleep 300 & echo $!; wait")
    while not job.lines:
        time.sleep(0.02)
    runtime.end(job.running.id, job.running.handle)
    assert gone(int(job.lines[0]))
    job.wait()


def test_peak_memory_is_known(start):
    job = start(*python("import time; b = bytearray(64 * 1024 * 1024); time.sleep(0.6)"))
    peak = job.wait().peak
    assert peak is not None
    assert 60 * MIB < peak < 160 * MIB


@pytest.mark.skipif(GROUPS is None, reason="no writable control group here")
def test_groups_are_given_back(tmp_path):
    job = Job(ProcessRuntime(GROUPS), tmp_path, "true", memory=64 * MIB, cpu=256)
    directories = [Path(d) for d in job.running.handle["groups"]]
    job.wait()
    assert not [d for d in directories if d.exists()]
