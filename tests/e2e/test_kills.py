"""Fifty jobs, while every function's worker process is killed in turn, and the agent once.

A killed worker takes what it was doing with it: a record of the stream half worked off, a tick in
the middle of its claims, a task that was started and not yet written down. A platform of its own:
nobody else could work on it.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError

from local import awsclient, owner
from local.processes import Processes
from tests.e2e.yard import ENDED, Yard, eventually, running

JOBS = 50
BY_EVENT = 10  #: of them come in by the bus, for `intake` to be killed over
ATTEMPTS = 5
MOST_KILLS = (
    8  #: of one function: on a busy machine a cold start may take longer than a kill's turn
)
FUNCTIONS = ("api", "intake", "relay", "schedule", "launch", "track", "reconcile")
WORKER = re.compile(r"ministack-lambda-batchyard-([a-z]+)-[^/]+/_worker\.py$")


class Killer(threading.Thread):
    """Kills the workers of one function after the other until told to stop."""

    def __init__(self, yard: Yard, pause: float) -> None:
        super().__init__(daemon=True)
        self.killed: Counter[str] = Counter()
        self._state = yard.platform.state
        self._reconcile = f"{yard.platform.deployment}-reconcile"
        self._functions = yard.client("lambda")
        self._pause = pause
        self._done = threading.Event()
        self._random = random.Random(7)

    def run(self) -> None:
        while not self._done.is_set():
            for function in FUNCTIONS:
                if function == "reconcile":  # its minute would come too seldom
                    self._functions.invoke(FunctionName=self._reconcile, InvocationType="Event")
                self._done.wait(self._pause * (0.5 + self._random.random()))
                if self.killed[function] < MOST_KILLS:
                    self.killed[function] += self._kill(function)

    def _kill(self, function: str) -> int:
        found = [process for name, process in self._workers() if name == function]
        for process in found:
            process.send_signal(signal.SIGKILL)
        return len(found)

    def _workers(self) -> Iterator[tuple[str, psutil.Process]]:
        for process in psutil.process_iter(["cmdline"]):
            script = (process.info["cmdline"] or [""])[-1]
            named = WORKER.search(script)
            if named and script.startswith(self._state):
                yield named[1], process

    def stop(self) -> None:
        self._done.set()
        self.join()


@pytest.fixture(scope="module")
def yard(tmp_path_factory) -> Iterator[Yard]:
    with running(tmp_path_factory.mktemp("kills"), runtime="process") as platform:
        made = Yard(platform)
        made.define("sh", ["true"])
        _come_back_soon(made)
        yield made


def test_every_job_ends_and_none_runs_twice(yard, tmp_path):
    marks = tmp_path / "marks"
    script = f'echo "$AWS_BATCH_JOB_ID $AWS_BATCH_JOB_ATTEMPT" >> {marks}; sleep 0.5'
    names = [f"mortal-{number}" for number in range(JOBS)]
    killer = Killer(yard, pause=0.3)
    killer.start()
    try:
        for name in names[:BY_EVENT]:
            _put_event(yard, name, script)
        jobs = [_submit(yard, name, script) for name in names[BY_EVENT:]]
        _restart_agent(yard)
        # A record that a killed worker took with it is paid by `reconcile`, minutes later.
        eventually(lambda: len({job for job, _ in _runs(marks)}) == JOBS, 300)
        eventually(lambda: all(killer.killed[name] for name in FUNCTIONS), 30)
    finally:
        killer.stop()
    jobs += [yard.arrived(name) for name in names[:BY_EVENT]]
    ended = _all_ended(yard, jobs)
    runs = _runs(marks)

    assert {job["status"] for job in ended.values()} == {"SUCCEEDED"}
    assert [run for run, times in runs.items() if times > 1] == []
    tasks = Counter(a["container"]["taskArn"] for j in ended.values() for a in _started(j))
    assert [task for task, times in tasks.items() if times > 1] == []
    for job in jobs:
        mine = {attempt for known, attempt in runs if known == job}
        assert mine <= {str(n + 1) for n in range(len(ended[job]["attempts"]))}
        assert str(len(ended[job]["attempts"])) in mine, "the attempt that succeeded did run"
    assert Counter(yard.job(job)["jobName"] for job in jobs) == Counter(names)
    assert _live_tasks(yard) == []
    assert yard.in_use("fargate") == 0


def _come_back_soon(yard: Yard) -> None:
    """A message that a killed worker had in hand is hidden for minutes: for seconds, here."""
    for queue in yard.sqs.list_queues()["QueueUrls"]:
        yard.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "5"})


def _put_event(yard: Yard, name: str, script: str) -> None:
    entry = {
        "EventBusName": yard.platform.event_bus,
        "Source": "my.app",
        "DetailType": "Submit Job",
        "Detail": json.dumps(_request(yard, name, script)),
    }
    yard.client("events").put_events(Entries=[entry])


def _request(yard: Yard, name: str, script: str) -> dict:
    return yard.request(script, jobName=name, retryStrategy={"attempts": ATTEMPTS})


def _submit(yard: Yard, name: str, script: str) -> str:
    """As a careful client does: with a token, and again until there is an answer."""
    request = _request(yard, name, script)
    request["tags"] = {"batchyard:client-token": f"{name}-token"}

    def answered() -> str | None:
        try:
            return str(yard.batch.submit_job(**request)["jobId"])
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                raise
            return None

    return str(eventually(answered))


def _restart_agent(yard: Yard) -> None:
    """Kill the agent with all its shims' chances to say goodbye, and start its successor."""
    processes = Processes(Path(yard.platform.state))
    pid = processes.pids()["agent"]
    command = psutil.Process(pid).cmdline()[1:]
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.5)
    processes.start("agent", command, awsclient.sealed(os.environ) | owner.told())


def _all_ended(yard: Yard, jobs: list[str]) -> dict[str, dict]:
    """All jobs once they have ended; what a kill made late is paid within minutes."""

    def look() -> dict[str, dict] | None:
        told = yard.batch.describe_jobs(jobs=jobs)["jobs"]
        assert len(told) == JOBS, "an answered submit was forgotten"
        return {job["jobId"]: job for job in told} if _over(told) else None

    found: dict[str, dict] = eventually(look, 240, lambda: f"{_open(yard, jobs)}")
    return found


def _over(jobs: list[dict]) -> bool:
    return all(job["status"] in ENDED for job in jobs)


def _open(yard: Yard, jobs: list[str]) -> list[dict]:
    told = yard.batch.describe_jobs(jobs=jobs)["jobs"]
    return [job for job in told if job["status"] not in ENDED]


def _runs(marks: Path) -> Counter[tuple[str, str]]:
    """How often each attempt of each job ran, by the marks that they left."""
    lines = marks.read_text().splitlines() if marks.exists() else []
    return Counter((line.split()[0], line.split()[1]) for line in lines)


def _started(job: dict) -> list[dict]:
    return [attempt for attempt in job["attempts"] if attempt["container"].get("taskArn")]


def _live_tasks(yard: Yard) -> list[str]:
    cluster = yard.platform.parameters["cluster"]
    return list(yard.client("ecs").list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"])
