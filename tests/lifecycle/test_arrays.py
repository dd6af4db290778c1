"""Array jobs in a whole world: one item however large, children when it is their turn."""

import pytest

from lambdas.core import arrays
from lambdas.core.errors import ClientError, UnknownResource
from lambdas.core.job import Status
from simulator.checks import unfinished, violations
from simulator.fargate import Outcome
from simulator.world import World


def world(program=None, vcpus=16):
    one = World(program)
    one.environment(vcpus=vcpus)
    one.queue()
    one.definition()
    return one


def array(one, size, **more):
    return one.submit("many", arrayProperties={"size": size}, **more)


def children(one, job, status):
    found, token = [], None
    while True:
        more = {"nextToken": token} if token else {}
        page = one.platform.jobs.list({"arrayJobId": job, "jobStatus": status, **more})
        found += [entry["arrayProperties"]["index"] for entry in page["jobSummaryList"]]
        token = page.get("nextToken")
        if token is None:
            return found


def counters(one, job):
    size = one.state(job).size
    return arrays.counts(one.tables.jobs.get_many(arrays.count_keys(job, size)).values())


def at_rest(one):
    return [*violations(one), *unfinished(one)]


def capped(one, size, most, **more):
    return array(one, size, tags={"batchyard:max-parallel": str(most)}, **more)


def most_at_once(one):
    """How many tasks ran at one time at most."""
    times = [(t.started, 1) for t in one.fargate.made.values()]
    times += [(t.stopped, -1) for t in one.fargate.made.values()]
    most = now = 0
    for _, change in sorted(times):
        now += change
        most = max(most, now)
    return most


class TestACapOfItsOwn:
    @pytest.mark.parametrize("most", [1, 2, 7, 100])
    def test_is_used_and_never_passed(self, most):
        one = world(lambda *_: Outcome(runs=60_000), vcpus=64)
        job = capped(one, 40, most)
        one.run(minutes=120)
        assert one.state(job).status is Status.SUCCEEDED
        assert most_at_once(one) == min(most, 40)
        assert at_rest(one) == []

    def test_the_next_child_follows_at_once(self):
        one = world(lambda *_: Outcome(runs=60_000))
        job = capped(one, 5, 1)
        one.run(minutes=10)
        assert one.state(job).status is Status.SUCCEEDED

    def test_is_told_as_the_reason(self):
        one = world(lambda *_: Outcome(runs=600_000))
        job = capped(one, 5, 2)
        one.run(minutes=3)
        told = one.platform.explain.explain({"jobId": job})
        assert told["cause"] == "PARALLEL"
        assert told["reason"].startswith("at most 2 of its 5 children may be under way at once")

    def test_retries_and_cancelled_children_keep_to_it(self):
        one = world(lambda _n, attempt: Outcome(runs=30_000, exit_code=1 if attempt < 2 else 0))
        job = capped(one, 12, 3, retryStrategy={"attempts": 2})
        one.cancel(f"{job}:7", "not this one")
        one.run(minutes=60)
        assert one.state(job).status is Status.FAILED
        assert most_at_once(one) == 3
        assert at_rest(one) == []

    def test_a_stop_ends_it(self):
        one = world(lambda *_: Outcome(runs=600_000))
        job = capped(one, 50, 2)
        one.run(minutes=2)
        one.terminate(job, "enough")
        one.run(minutes=10)
        assert one.state(job).status is Status.FAILED
        assert at_rest(one) == []

    def test_many_such_arrays_do_not_hide_each_other(self):
        one = world(lambda *_: Outcome(runs=3_000_000), vcpus=400)
        jobs = [capped(one, 3, 1) for _ in range(120)]
        one.run(minutes=15)
        assert [one.state(job).next for job in jobs] == [1] * 120

    def test_is_refused_where_it_means_nothing(self):
        one = world()
        with pytest.raises(ClientError, match="this job is no array"):
            one.submit("alone", tags={"batchyard:max-parallel": "2"})
        with pytest.raises(ClientError, match="have no cap"):
            capped(one, 3, 2, dependsOn=[{"type": "SEQUENTIAL"}])


class TestItsLife:
    @pytest.mark.parametrize("size", [1, 2, 25, 26, 60, 300])
    def test_every_child_runs_once_and_the_array_succeeds(self, size):
        one = world()
        job = array(one, size)
        one.run(minutes=30)
        assert one.state(job).status is Status.SUCCEEDED
        ran = [one.variables(arn)["AWS_BATCH_JOB_ARRAY_INDEX"] for arn in one.fargate.made]
        assert sorted(map(int, ran)) == list(range(size))
        assert counters(one, job) == arrays.Counts(size, 0)
        assert at_rest(one) == []

    def test_a_child_is_told_its_index_and_the_size(self):
        one = world()
        job = array(one, 3)
        one.run(minutes=1)
        told = [one.variables(arn) for arn in one.fargate.made]
        assert {v["AWS_BATCH_JOB_ID"] for v in told} == {f"{job}:{i}" for i in range(3)}
        assert {v["AWS_BATCH_JOB_ARRAY_SIZE"] for v in told} == {"3"}

    def test_submitting_costs_the_same_however_large(self):
        costs = []
        for size in (2, 10_000_000):
            one = world()
            one.meter.reset()
            array(one, size)
            costs.append(sum(t.write_units for t in one.meter.totals()))
        assert costs[0] == costs[1]

    def test_capacity_is_never_passed_and_all_of_it_is_used(self):
        one = world(lambda *_: Outcome(runs=60_000), vcpus=2)
        job = array(one, 20)
        one.run(minutes=0.5)
        assert one.in_use("fargate") == 2000
        assert children(one, job, "RUNNING") == list(range(8))
        one.run(minutes=10)
        assert one.state(job).status is Status.SUCCEEDED

    def test_a_failed_child_fails_the_array_in_aws_batchs_words(self):
        one = world(lambda name, attempt: Outcome(exit_code=3))
        job = array(one, 5)
        one.run(minutes=5)
        state = one.state(job)
        assert (state.status, state.status_reason) == (Status.FAILED, "Array Child Job failed")
        assert children(one, job, "FAILED") == [0, 1, 2, 3, 4]

    def test_a_child_is_retried_alone(self):
        one = world(lambda name, attempt: Outcome(exit_code=1 if attempt == 1 else 0))
        job = array(one, 4, retryStrategy={"attempts": 2})
        one.run(minutes=5)
        assert one.state(job).status is Status.SUCCEEDED
        assert [len(one.describe(f"{job}:{i}")["attempts"]) for i in range(4)] == [2, 2, 2, 2]
        assert at_rest(one) == []

    def test_a_child_waits_out_its_backoff(self):
        one = world(lambda name, attempt: Outcome(exit_code=1 if attempt == 1 else 0))
        tags = {"batchyard:backoff": "30s x2 max 1m"}
        job = array(one, 2, retryStrategy={"attempts": 2}, tags=tags)
        one.run(minutes=5)
        assert one.state(job).status is Status.SUCCEEDED
        assert one.state(f"{job}:0").attempt == 2

    def test_a_job_that_waits_for_an_array_starts_after_its_last_child(self):
        one = world(lambda name, _a: Outcome(runs=30_000), vcpus=1)
        job = array(one, 9)
        last = one.submit("last", dependsOn=[{"jobId": job}])
        one.run(minutes=10)
        ends = [one.state(f"{job}:{i}").stopped for i in range(9)]
        assert one.state(last).started >= max(ends)
        assert at_rest(one) == []

    def test_an_array_waits_for_its_dependencies(self):
        one = world(lambda name, _a: Outcome(runs=60_000))
        first = one.submit("first")
        job = array(one, 3, dependsOn=[{"jobId": first}])
        one.run(minutes=0.5)
        assert one.state(job).status is Status.PENDING
        one.run(minutes=10)
        assert one.state(f"{job}:0").started >= one.state(first).stopped
        assert one.state(job).status is Status.SUCCEEDED

    def test_two_arrays_and_a_job_share_an_environment(self):
        one = world(vcpus=1)
        jobs = [array(one, 30), array(one, 7), one.submit("alone")]
        one.run(minutes=60)
        assert {one.state(job).status for job in jobs} == {Status.SUCCEEDED}
        assert at_rest(one) == []


class TestWhatIsSeen:
    def test_an_array_is_pending_until_its_last_child_has_ended(self):
        one = world(lambda *_: Outcome(runs=60_000))
        job = array(one, 3)
        one.run(minutes=0.5)
        assert one.describe(job)["status"] == "PENDING"
        listed = one.platform.jobs.list({"jobQueue": "default", "jobStatus": "PENDING"})
        assert [entry["jobId"] for entry in listed["jobSummaryList"]] == [job]
        assert one.platform.jobs.list({"jobQueue": "default", "jobStatus": "RUNNABLE"}) == {
            "jobSummaryList": []
        }

    def test_its_summary_adds_up_at_every_moment(self):
        one = world(lambda *_: Outcome(runs=20_000), vcpus=1)
        job = array(one, 10)
        seen = []
        for _ in range(40):
            one.run(minutes=0.1)
            summary = one.describe(job)["arrayProperties"]["statusSummary"]
            assert sum(summary.values()) == 10
            seen.append((summary["RUNNABLE"], summary["RUNNING"], summary["SUCCEEDED"]))
        assert (6, 4, 0) in seen
        assert (2, 4, 4) in seen
        assert seen[-1] == (0, 0, 10)

    def test_a_child_before_its_turn_is_described(self):
        one = world(lambda *_: Outcome(runs=60_000), vcpus=1)
        job = array(one, 100)
        one.run(minutes=0.5)
        waiting = one.describe(f"{job}:99")
        assert waiting["status"] == "RUNNABLE"
        assert waiting["arrayProperties"] == {"index": 99}
        assert one.describe(f"{job}:0")["status"] == "RUNNING"
        assert one.platform.jobs.describe({"jobs": [f"{job}:100"]}) == {"jobs": []}

    def test_children_are_listed_by_status_in_pages(self):
        one = world(lambda *_: Outcome(runs=60_000), vcpus=1)
        job = array(one, 250)
        one.run(minutes=1.3)
        assert children(one, job, "SUCCEEDED") == [0, 1, 2, 3]
        assert children(one, job, "RUNNING") == [4, 5, 6, 7]
        page = one.platform.jobs.list(
            {"arrayJobId": job, "jobStatus": "RUNNABLE", "maxResults": 100}
        )
        assert len(page["jobSummaryList"]) == 100
        assert children(one, job, "RUNNABLE") == list(range(8, 250))

    def test_running_children_are_listed_when_no_status_is_given(self):
        one = world(lambda *_: Outcome(runs=60_000))
        job = array(one, 3)
        one.run(minutes=0.5)
        listed = one.platform.jobs.list({"arrayJobId": job})["jobSummaryList"]
        assert [entry["jobId"] for entry in listed] == [f"{job}:{i}" for i in range(3)]

    @pytest.mark.parametrize("size", [0, -1, 10_000_001])
    def test_a_size_that_is_not_allowed_is_refused_in_a_sentence(self, size):
        with pytest.raises(ClientError, match=r"arrayProperties\.size .* 1 to 10,000,000"):
            array(world(), size)


class TestStopping:
    def test_a_cancelled_array_lets_what_runs_end_and_starts_no_more(self):
        one = world(lambda *_: Outcome(runs=60_000), vcpus=1)
        job = array(one, 10)
        one.run(minutes=0.5)
        one.cancel(job, "enough")
        one.run(minutes=5)
        state = one.state(job)
        assert (state.status, state.status_reason) == (Status.FAILED, "enough")
        assert children(one, job, "SUCCEEDED") == [0, 1, 2, 3]
        assert children(one, job, "FAILED") == [4, 5, 6, 7, 8, 9]
        assert one.describe(f"{job}:9")["statusReason"] == "enough"
        assert one.describe(job)["isCancelled"]
        assert at_rest(one) == []

    def test_a_terminated_array_stops_every_child(self):
        one = world(lambda *_: Outcome(runs=10 * 60_000), vcpus=40)
        job = array(one, 200)
        one.run(minutes=1)
        one.terminate(job, "enough")
        one.run(minutes=3)
        state = one.state(job)
        assert (state.status, state.status_reason) == (Status.FAILED, "enough")
        assert len(one.fargate.made) == 160
        assert {task.stop for task in one.fargate.made.values()} == {"enough"}
        assert children(one, job, "FAILED") == list(range(200))
        assert at_rest(one) == []

    @pytest.mark.parametrize("how", ["cancel", "terminate"])
    def test_an_array_that_has_not_begun_ends_at_once(self, how):
        one = world(vcpus=1)
        one.paused.add("schedule")
        job = array(one, 5)
        one.run(minutes=0.1)
        getattr(one, how)(job, "never mind")
        one.paused.clear()
        one.run(minutes=2)
        assert one.state(job).status is Status.FAILED
        assert one.fargate.made == {}
        assert children(one, job, "FAILED") == [0, 1, 2, 3, 4]

    def test_one_child_is_terminated_and_fails_the_array(self):
        one = world(lambda *_: Outcome(runs=60_000))
        job = array(one, 3)
        one.run(minutes=0.5)
        one.terminate(f"{job}:1", "this one")
        one.run(minutes=3)
        assert [one.state(f"{job}:{i}").status for i in range(3)] == [
            Status.SUCCEEDED,
            Status.FAILED,
            Status.SUCCEEDED,
        ]
        assert one.state(f"{job}:1").status_reason == "this one"
        assert one.state(job).status is Status.FAILED

    @pytest.mark.parametrize("index", [8, 9, 39])
    def test_a_child_that_is_cancelled_before_its_turn_never_starts(self, index):
        one = world(lambda *_: Outcome(runs=60_000), vcpus=1)
        job = array(one, 40)
        one.run(minutes=0.5)
        one.cancel(f"{job}:{index}", "not this one")
        one.cancel(f"{job}:{index}", "again")
        assert one.describe(f"{job}:{index}")["statusReason"] == "not this one"
        one.run(minutes=30)
        assert one.state(job).status is Status.FAILED
        assert len(one.fargate.made) == 39
        assert counters(one, job) == arrays.Counts(39, 1)
        assert at_rest(one) == []

    def test_every_child_cancelled_before_its_turn_ends_the_array(self):
        one = world(lambda *_: Outcome(runs=60_000), vcpus=1)
        one.submit("first"), one.submit("first"), one.submit("first"), one.submit("first")
        one.run(minutes=0.3)
        job = array(one, 3)
        one.run(minutes=0.2)
        for index in range(3):
            one.cancel(f"{job}:{index}", "no")
        one.run(minutes=5)
        assert one.state(job).status is Status.FAILED
        assert len(one.fargate.made) == 4
        assert at_rest(one) == []

    def test_a_child_in_its_backoff_is_withdrawn_with_its_array(self):
        one = world(lambda *_: Outcome(exit_code=1))
        tags = {"batchyard:backoff": "10m x2 max 1h"}
        job = array(one, 2, retryStrategy={"attempts": 3}, tags=tags)
        one.run(minutes=1)
        one.cancel(job, "enough")
        one.run(minutes=15)
        assert one.state(job).status is Status.FAILED
        assert counters(one, job) == arrays.Counts(0, 2)
        assert at_rest(one) == []

    def test_a_child_that_cannot_be_is_unknown(self):
        one = world()
        job = array(one, 3)
        with pytest.raises(UnknownResource):
            one.cancel(f"{job}:3", "no")
        plain = one.submit("plain")
        with pytest.raises(UnknownResource):
            one.terminate(f"{plain}:0", "no")


class TestItsEnd:
    def test_all_of_it_goes_when_it_expires(self):
        one = world()
        job = array(one, 40)
        one.run(minutes=5)
        one.clock.advance(91 * 86_400_000)
        one.tables.jobs.expire(one.clock.now())
        one.run(minutes=1)
        left = [item for item in one.tables.jobs.scan() if job in item["pk"]]
        assert left == []
