"""Two hundred jobs, while all that carries them is killed and restarted.

Every function's worker process is killed in turn, which takes what it was doing with it: a record
of the stream half worked off, a tick in the middle of its claims, a task that was started and not
yet written down. The container agent is killed, and its containers die with it. The local cloud
itself is stopped and started again: it saves on SIGTERM and on nothing else, which
docs/local-differences.md says. A platform of its own: nobody else could work on it.
"""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.e2e.kills import Killer, Marks, end_part, log_of
from tests.e2e.yard import ENDED, Yard, eventually, running

PATIENCE = 150.0  #: seconds; what a kill makes late is paid within minutes, by `reconcile`
BY_EVENT = 20
PLAIN = 100
DEPENDENT = 40
RETRIED = 25
LONG = 15
JOBS = BY_EVENT + PLAIN + DEPENDENT + RETRIED + LONG
ATTEMPTS = 5
KILLS = 5  #: of each function
HANDS = 4  #: submit at once
RESTARTS = (40, 110)  #: the cloud is restarted when so many attempts have begun
LOSSES = (20, 80)  #: and the agent is killed
LASTS = 6  #: seconds, of a job that must outlive a restart of the cloud


@dataclass(frozen=True)
class Wanted:
    """One job to submit: its script's work, and what else its request says."""

    name: str
    work: str = "sleep 0.2"
    more: Mapping[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def yard(tmp_path_factory) -> Iterator[Yard]:
    with running(tmp_path_factory.mktemp("kills"), runtime="process") as platform:
        made = Yard(platform)
        made.define("sh", ["true"])
        _come_back_soon(made)
        yield made


@pytest.fixture(scope="module")
def marks(tmp_path_factory) -> Marks:
    return Marks(tmp_path_factory.mktemp("marks"))


@pytest.fixture(scope="module")
def killer(yard) -> Killer:
    return Killer(yard, pause=0.5, times=KILLS)


@pytest.fixture(scope="module")
def jobs(yard, marks, killer) -> dict[str, dict]:
    """All jobs as they ended, by id."""
    killer.start()
    try:
        ids = _submit_all(yard, marks)
        eventually(killer.each_killed, PATIENCE, lambda: f"{killer.killed}")
    finally:
        killer.stop()
    return _all_ended(yard, ids)


def test_every_job_ends_well(jobs):
    assert len(jobs) == JOBS
    assert {job["status"] for job in jobs.values()} == {"SUCCEEDED"}
    assert set(Counter(job["jobName"] for job in jobs.values()).values()) == {1}


def test_no_attempt_runs_twice(jobs, marks):
    assert [run for run, times in marks.began().items() if times > 1] == []
    tasks = Counter(a["container"]["taskArn"] for j in jobs.values() for a in _started(j))
    assert [task for task, times in tasks.items() if times > 1] == []


def test_what_ran_is_what_is_told(jobs, marks):
    for job, number in marks.began():
        assert number <= len(jobs[job]["attempts"]), "an attempt that nobody knows of ran"
    for name, job in jobs.items():
        *before, last = job["attempts"]
        assert (name, len(job["attempts"])) in marks.ended(), "the last attempt came to its end"
        assert last["container"]["exitCode"] == 0
        for attempt in before:
            assert _lost(attempt) or _meant_to_fail(job, attempt), attempt


def _lost(attempt: dict) -> bool:
    return "Host EC2" in attempt.get("statusReason", "")


def _meant_to_fail(job: dict, attempt: dict) -> bool:
    return job["jobName"].startswith("retried") and attempt["container"].get("exitCode") == 3


def test_no_job_starts_before_what_it_depends_on_has_ended(jobs):
    waited = 0
    for job in jobs.values():
        for dependency in job.get("dependsOn", ()):
            waited += 1
            assert job["startedAt"] >= jobs[dependency["jobId"]]["stoppedAt"]
    assert waited == DEPENDENT


def test_every_line_is_in_the_log_once(yard, jobs, marks):
    """Of every attempt that came to its end. One whose host was lost may lack what its agent had
    read and not yet sent, and tells nothing twice."""
    whole, ended = 0, marks.ended()
    for name, job in jobs.items():
        for number, attempt in enumerate(job["attempts"], 1):
            stream = attempt["container"].get("logStreamName")
            told = log_of(yard, stream) if stream else []
            wanted = [f"{word} of attempt {number}" for word in ("first", "second", "last")]
            if (name, number) in ended and attempt["container"].get("exitCode") == 0:
                whole += 1
                assert told == wanted, (name, number)
            assert told == wanted[: len(told)], (name, number)
    assert whole == JOBS


def test_nothing_is_left(yard, jobs):
    eventually(lambda: yard.in_use("fargate") == 0, PATIENCE, lambda: str(yard.in_use("fargate")))
    cluster = yard.platform.parameters["cluster"]
    ecs = yard.client("ecs")
    assert ecs.list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"] == []
    states = yard.client("stepfunctions")
    asleep = states.list_executions(
        stateMachineArn=yard.platform.wait_machine, statusFilter="RUNNING"
    )
    assert asleep["executions"] == []


# ── submitting ────────────────────────────────────────────────────────────────────────────────


def _submit_all(yard: Yard, marks: Marks) -> list[str]:
    """Submit everything while the cloud and the agent come and go; the ids, once all began."""
    scripted = [
        Wanted(
            w.name,
            marks.script(w.work),
            {"retryStrategy": {"attempts": ATTEMPTS}, **w.more},
        )
        for w in _plain_jobs()
    ]
    by_event = [
        Wanted(f"event-{n}", marks.script("sleep 0.2"), {"retryStrategy": {"attempts": ATTEMPTS}})
        for n in range(BY_EVENT)
    ]
    with ThreadPoolExecutor(HANDS + 1) as hands:
        harm = hands.submit(_harm, yard, marks)
        for wanted in by_event:
            hands.submit(_put_event, yard, wanted)
        first = [hands.submit(_submit, yard, wanted) for wanted in scripted]
        ids = [done.result() for done in first]
        depending = [
            Wanted(
                f"dependent-{n}",
                marks.script("sleep 0.1"),
                {
                    "dependsOn": [{"jobId": ids[n]}],
                    "retryStrategy": {"attempts": ATTEMPTS},
                },
            )
            for n in range(DEPENDENT)
        ]
        ids += list(hands.map(lambda wanted: _submit(yard, wanted), depending))
        harm.result()
    eventually(lambda: len({job for job, _ in marks.began()}) == JOBS, PATIENCE)
    return ids + [yard.arrived(wanted.name) for wanted in by_event]


def _plain_jobs() -> list[Wanted]:
    """Those that depend on nothing; the long ones first, so that they run when the cloud goes."""
    once = 'test "$AWS_BATCH_JOB_ATTEMPT" -gt 1 || exit 3'
    backoff = {"tags": {"batchyard:backoff": "2s"}}
    return [
        *(Wanted(f"long-{n}", f"sleep {LASTS}") for n in range(LONG)),
        *(Wanted(f"retried-{n}", once, backoff if n % 2 else {}) for n in range(RETRIED)),
        *(Wanted(f"plain-{n}") for n in range(PLAIN)),
    ]


def _harm(yard: Yard, marks: Marks) -> None:
    """Kill the agent and restart the cloud, each at its time."""
    harms = [(at, "agent", signal.SIGKILL) for at in LOSSES]
    harms += [(at, "cloud", signal.SIGTERM) for at in RESTARTS]
    for at, part, with_signal in sorted(harms):
        eventually(lambda at=at: marks.began().total() >= at, PATIENCE)
        end_part(yard, part, with_signal)


def _come_back_soon(yard: Yard) -> None:
    """A message that a killed worker had in hand is hidden for minutes: for seconds, here."""
    for queue in yard.sqs.list_queues()["QueueUrls"]:
        yard.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "5"})


def _request(yard: Yard, wanted: Wanted) -> dict:
    return yard.request(wanted.work, jobName=wanted.name, **wanted.more)


def _put_event(yard: Yard, wanted: Wanted) -> None:
    entry = {
        "EventBusName": yard.platform.event_bus,
        "Source": "my.app",
        "DetailType": "Submit Job",
        "Detail": json.dumps(_request(yard, wanted)),
    }
    answer = yard.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0


def _submit(yard: Yard, wanted: Wanted) -> str:
    """As a careful client does: with a token, and again until there is an answer."""
    request = _request(yard, wanted)
    token = {"batchyard:client-token": f"{wanted.name}-token"}
    request["tags"] = {**request.get("tags", {}), **token}

    def answered() -> str | None:
        try:
            return str(yard.batch.submit_job(**request)["jobId"])
        except BotoCoreError:
            return None
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                raise
            return None

    return str(eventually(answered, PATIENCE))


# ── judging ───────────────────────────────────────────────────────────────────────────────────


def _all_ended(yard: Yard, ids: list[str]) -> dict[str, dict]:
    """All jobs once they have ended."""

    def look() -> dict[str, dict] | None:
        told = _told(yard, ids)
        assert len(told) == len(ids), "an answered submit was forgotten"
        over = all(job["status"] in ENDED for job in told)
        return {job["jobId"]: job for job in told} if over else None

    found: dict[str, dict] = eventually(look, PATIENCE, lambda: f"{_open(yard, ids)}")
    return found


def _told(yard: Yard, ids: list[str]) -> list[dict]:
    pages = (ids[n : n + 100] for n in range(0, len(ids), 100))
    return [job for page in pages for job in yard.batch.describe_jobs(jobs=page)["jobs"]]


def _open(yard: Yard, ids: list[str]) -> list[dict]:
    return [job for job in _told(yard, ids) if job["status"] not in ENDED]


def _started(job: dict) -> list[dict]:
    return [attempt for attempt in job["attempts"] if attempt["container"].get("taskArn")]
