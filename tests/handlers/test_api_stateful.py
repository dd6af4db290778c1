"""One world, any operations in any order: never a 5xx, and what is told always agrees.

Hypothesis draws sequences of operations: jobs and arrays are submitted, wait for each other, are
cancelled and terminated, time passes, queues and environments come, change and go. After each step
DescribeJobs, ListJobs, an array's summary and its children's list must tell one story.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from simulator.checks import unfinished, violations
from simulator.fargate import Outcome
from tests.handlers.fuzzing import requests, told
from tests.handlers.fuzzing.deployment import Deployment, deployed
from tests.handlers.fuzzing.profile import examples

STATUSES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
ENDED = ("SUCCEEDED", "FAILED")
MOST_CHILDREN = 12
PATIENCE = 600  #: minutes in which a world must come to rest

#: Why the queue's users may be refused, as its owner changes it.
NO_PLACE = ("DISABLED", "maxvCpus", "compute environment")

REASONS = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=20)


class Yard(RuleBasedStateMachine):
    """A user, or several, at one deployment."""

    made: Deployment  #: set by the test, which holds the handlers in place

    jobs: Bundle[str] = Bundle("jobs")
    arrays: Bundle[tuple[str, int]] = Bundle("arrays")
    environments: Bundle[str] = Bundle("environments")
    queues: Bundle[str] = Bundle("queues")

    def __init__(self) -> None:
        super().__init__()
        self.runs = 30_000
        self.fails: set[str] = set()
        self.world = self.made.anew(self._program)
        self.client = self.made.client
        self.submitted: dict[str, dict[str, Any]] = {}
        self.sizes: dict[str, int] = {}
        self.queue_names = ["default"]

    def _program(self, name: str, _attempt: int) -> Outcome:
        return Outcome(self.runs, exit_code=1 if name in self.fails else 0)

    def ask(self, operation: str, **body: Any) -> Any:
        """A call that must be answered or refused in a sentence; the answer, or None."""
        reply = self.client.call(operation, {}, **body)
        assert reply.status in (200, 400, 404), (operation, reply.status, reply.body)
        return reply.body if reply.status == 200 else None

    # ── jobs ──────────────────────────────────────────────────────────────────────────────────

    @rule(target=jobs, body=requests.submits("default", "task"), fails=st.booleans())
    def submit(self, body, fails):
        return self._submitted(body, fails)

    @rule(target=jobs, body=requests.submits("default", "task"), first=jobs, second=jobs)
    def submit_after(self, body, first, second):
        waits = [{"jobId": first}, {"jobId": second}]
        return self._submitted({**body, "dependsOn": waits}, False)

    @rule(
        target=arrays,
        body=requests.submits("default", "task"),
        size=st.integers(2, MOST_CHILDREN),
        fails=st.booleans(),
    )
    def submit_array(self, body, size, fails):
        array = self._submitted({**body, "arrayProperties": {"size": size}}, fails)
        if not isinstance(array, str):
            return array
        self.sizes[array] = size
        return array, size

    @rule(target=jobs, body=requests.submits("default", "task"), array=arrays)
    def submit_after_an_array(self, body, array):
        return self._submitted({**body, "dependsOn": [{"jobId": array[0]}]}, False)

    def _submitted(self, body, fails):
        if fails:
            self.fails.add(body["jobName"])
        reply = self.client.call("SubmitJob", {}, **body)
        if reply.status != 200:
            assert any(word in reply.message for word in NO_PLACE), reply.message
            return multiple()
        self.submitted[reply.body["jobId"]] = body
        return reply.body["jobId"]

    @rule(job=jobs, reason=REASONS, kind=st.sampled_from(["CancelJob", "TerminateJob"]))
    def stop(self, job, reason, kind):
        self.client.ok(kind, jobId=job, reason=reason)

    @rule(
        array=arrays,
        child=st.none() | st.integers(0, MOST_CHILDREN + 1),
        reason=REASONS,
        kind=st.sampled_from(["CancelJob", "TerminateJob"]),
    )
    def stop_an_array(self, array, child, reason, kind):
        job, size = array
        answer = self.ask(kind, jobId=job if child is None else f"{job}:{child}", reason=reason)
        assert answer is not None or (child is not None and child >= size)

    @rule(job=jobs, tags=requests.tags())
    def tag(self, job, tags):
        before = self._one(job)["tags"]
        assert self.client.tags("POST", told.arn("job", job), {"tags": tags}).status == 200
        assert self._one(job)["tags"] == {**before, **tags}

    @rule(minutes=st.integers(1, 5), runs=st.sampled_from([1_000, 30_000, 400_000]))
    def let_time_pass(self, minutes, runs):
        self.runs = runs
        self.world.run(minutes)

    # ── the catalogue ─────────────────────────────────────────────────────────────────────────

    @rule(target=environments, body=requests.environments(st.sampled_from(["e1", "e2"])))
    def create_environment(self, body):
        self.ask("CreateComputeEnvironment", **body)
        return body["computeEnvironmentName"]

    @rule(change=requests.environment_updates(st.sampled_from(["e1", "e2", "fargate"])))
    def change_environment(self, change):
        self.ask("UpdateComputeEnvironment", **change)

    @rule(name=consumes(environments))
    def delete_environment(self, name):
        self.ask("UpdateComputeEnvironment", computeEnvironment=name, state="DISABLED")
        self.ask("DeleteComputeEnvironment", computeEnvironment=name)

    @rule(
        target=queues,
        body=requests.queues(st.sampled_from(["q1", "q2"]), st.sampled_from(["fargate", "e1"])),
    )
    def create_queue(self, body):
        if self.ask("CreateJobQueue", **body):
            self.queue_names.append(body["jobQueueName"])
        return body["jobQueueName"]

    @rule(
        change=requests.queue_updates(
            st.sampled_from(["q1", "q2", "default"]), st.sampled_from(["fargate", "e1", "e2"])
        )
    )
    def change_queue(self, change):
        self.ask("UpdateJobQueue", **change)

    @rule(name=consumes(queues))
    def delete_queue(self, name):
        self.ask("UpdateJobQueue", jobQueue=name, state="DISABLED")
        self.ask("DeleteJobQueue", jobQueue=name)

    # ── what must be so after every step ──────────────────────────────────────────────────────

    @invariant()
    def every_job_is_known_as_it_was_submitted(self):
        for job, body in self.submitted.items():
            found = self._one(job)
            assert found["jobName"] == body["jobName"]
            assert found["status"] in STATUSES
            assert ("stoppedAt" in found) == (found["status"] in ENDED)

    @invariant()
    def what_is_listed_is_what_is_described(self):
        listed = {}
        for status in STATUSES:
            for summary in self._listed(jobQueue="default", jobStatus=status):
                assert summary["status"] == status
                listed[summary["jobId"]] = status
        for job in self.submitted:
            status = self._one(job)["status"]
            array = job in self.sizes
            assert listed.get(job) == status or array, (job, listed.get(job), status)

    @invariant()
    def an_arrays_children_add_up_to_it(self):
        for job, size in self.sizes.items():
            found = self._one(job)
            summary = found["arrayProperties"]["statusSummary"]
            assert sum(summary.values()) == size, summary
            assert min(summary.values(), default=0) >= 0, summary
            if found["status"] in ENDED:
                children = Counter(
                    summary["status"]
                    for status in STATUSES
                    for summary in self._listed(arrayJobId=job, jobStatus=status)
                )
                assert children == Counter({n: k for n, k in summary.items() if k})
                failed = summary.get("FAILED", 0)
                assert (found["status"] == "FAILED") == (failed > 0), summary

    @invariant()
    def nothing_is_broken(self):
        assert violations(self.world) == []
        assert self.made.failures() == []

    def teardown(self):
        """In the end the queue and its environment serve again, and everything ends."""
        self.client.ok(
            "UpdateComputeEnvironment",
            computeEnvironment="fargate",
            state="ENABLED",
            computeResources={"maxvCpus": 64},
        )
        order = [{"order": 1, "computeEnvironment": "fargate"}]
        self.client.ok(
            "UpdateJobQueue", jobQueue="default", state="ENABLED", computeEnvironmentOrder=order
        )
        waited = 0
        while waited < PATIENCE and unfinished(self.world):
            self.world.run(10)
            waited += 10
        assert unfinished(self.world) == []

    def _one(self, job: str) -> dict[str, Any]:
        (found,) = self.client.ok("DescribeJobs", jobs=[job])["jobs"]
        return found

    def _listed(self, **of: Any) -> list[dict[str, Any]]:
        found, token = [], {}
        while True:
            page = self.client.ok("ListJobs", **of, **token)
            found += page["jobSummaryList"]
            if not page.get("nextToken"):
                return found
            token = {"nextToken": page["nextToken"]}


@pytest.fixture
def machine():
    with deployed() as made:
        yield type("YardOf", (Yard,), {"made": made})


def test_any_operations_in_any_order(machine):
    run_state_machine_as_test(machine, settings=examples(30, stateful_step_count=25))
