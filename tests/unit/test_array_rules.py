"""Arrays as pure judgement: what is handed out, counted, and when an array ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.core import arrays
from lambdas.core.arrays import Counts
from lambdas.core.job import JobState, Status
from lambdas.core.scheduling import Code
from lambdas.core.tables import Check, Put, Update
from tests.unit.test_scheduling import decide, environment, job

ARRAY = JobState(
    id="6e7f9e1e-0000-4000-8000-000000000000",
    name="many",
    queue="default",
    definition="task:1",
    status=Status.RUNNABLE,
    created=1,
    shape="FARGATE/X86_64/250/512/0/0",
    size=100,
    ticket=1,
)


def array(**changes):
    return replace(ARRAY, **changes)


class TestItsEnd:
    def test_comes_when_every_child_has_ended(self):
        end = arrays.closing(array(next=100), Counts(100, 0), 5, 9)
        assert end.put["status"] == "SUCCEEDED"
        assert "status_reason" not in end.put

    @pytest.mark.parametrize("found", [Counts(99, 0), Counts(0, 99), Counts()])
    def test_does_not_come_while_a_child_is_in_flight(self, found):
        assert arrays.closing(array(next=100), found, 5, 9) is None

    def test_does_not_come_while_children_wait_for_their_turn(self):
        assert arrays.closing(array(next=99), Counts(99, 0), 5, 9) is None

    def test_of_a_stopped_array_comes_when_those_in_flight_have_ended(self):
        stopped = array(next=40, stop="enough", stop_kind="cancel")
        assert arrays.closing(stopped, Counts(39, 0), 5, 9) is None
        end = arrays.closing(stopped, Counts(40, 0), 5, 9)
        assert (end.put["status"], end.put["status_reason"]) == ("FAILED", "enough")

    def test_a_stop_that_came_too_late_changes_nothing(self):
        end = arrays.closing(array(next=100, stop="enough"), Counts(100, 0), 5, 9)
        assert end.put["status"] == "SUCCEEDED"

    def test_is_owed_to_those_who_wait_for_it(self):
        end = arrays.closing(array(next=100, fan=True), Counts(100, 0), 5, 9)
        assert "due_at" in end.put


class TestCounting:
    @given(st.integers(1, 10_000_000), st.data())
    def test_every_child_is_counted_where_the_array_looks(self, size, data):
        index = data.draw(st.integers(0, size - 1))
        child = arrays.child_of(array(size=size), index)
        (write,) = arrays.counted(child, Status.FAILED)
        assert write.key in arrays.count_keys(ARRAY.id, size)
        assert write.add == {"failed": 1}

    @pytest.mark.parametrize(("size", "partitions"), [(1, 1), (127, 1), (128, 2), (10**7, 64)])
    def test_a_small_array_has_few_counters(self, size, partitions):
        assert len(arrays.count_keys(ARRAY.id, size)) == partitions

    @given(st.integers(1, 10_000_000), st.data())
    def test_children_that_end_together_are_counted_together(self, size, data):
        indices = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=5))
        children = [arrays.child_of(array(size=size), index) for index in indices]
        writes = [arrays.counted(child, Status.FAILED, indices[0])[0] for child in children]
        assert len({write.key for write in writes}) == 1
        assert writes[0].key in arrays.count_keys(ARRAY.id, size)

    def test_a_plain_job_counts_for_no_array(self):
        assert arrays.counted(replace(ARRAY, size=0), Status.FAILED) == ()

    @given(st.integers(1, 500), st.data())
    def test_a_summary_adds_up_to_the_size(self, size, data):
        handed_out = data.draw(st.integers(0, size))
        well = data.draw(st.integers(0, handed_out))
        badly = data.draw(st.integers(0, handed_out - well))
        running = data.draw(st.integers(0, handed_out - well - badly))
        state = array(size=size, next=handed_out)
        told = arrays.summary(state, Counts(well, badly), {Status.STARTING: running})
        assert sum(told.values()) == size
        assert told["RUNNABLE"] == size - handed_out


class TestAChildBeforeItsTurn:
    @pytest.mark.parametrize("status", [Status.SUBMITTED, Status.PENDING, Status.RUNNABLE])
    def test_waits_as_its_array_does(self, status):
        assert arrays.unclaimed(array(status=status), 3).status is status

    def test_failed_with_an_array_that_was_stopped(self):
        child = arrays.unclaimed(array(next=2, stop="enough", stop_kind="terminate"), 3)
        assert (child.status, child.status_reason) == (Status.FAILED, "enough")
        assert child.stop_kind == "terminate"

    def test_is_withdrawn_only_while_its_turn_is_to_come(self):
        check, born = arrays.withdraw_unclaimed(ARRAY, 7, "cancel", "no", 5, 9)
        assert isinstance(check, Check)
        assert isinstance(born, Put)
        assert born.item["status"] == "FAILED"


class TestStopping:
    def test_an_array_that_has_begun_is_only_told(self):
        (write,) = arrays.stopping(array(next=3), "cancel", "enough", 5, 9)
        assert isinstance(write, Update)
        assert write.put["stop"] == "enough"
        assert "status" not in write.put

    def test_one_that_has_not_begun_fails(self):
        (write,) = arrays.stopping(ARRAY, "cancel", "enough", 5, 9)
        assert write.put["status"] == "FAILED"

    def test_a_child_that_waits_for_its_retry_fails_and_is_counted(self):
        child = replace(arrays.child_of(ARRAY, 4), attempt=1, ticket=1)
        fails, counts = arrays.stopping(child, "cancel", "enough", 5, 9)
        assert fails.put["status"] == "FAILED"
        assert counts.add == {"failed": 1}

    @pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED])
    def test_what_has_ended_stays(self, status):
        assert arrays.stopping(array(status=status), "terminate", "x", 5, 9) == ()

    def test_the_first_stop_stands(self):
        assert arrays.stopping(array(next=3, stop="first"), "terminate", "x", 5, 9) == ()


class TestBeingPlaced:
    def test_as_many_children_start_as_there_is_room_for_in_their_order(self):
        many = job("many", size=10, next=3)
        decided = decide(many, environments=(environment(vcpus=4),))
        assert [p.job.id for p in decided.placements] == ["many:3", "many:4", "many:5", "many:6"]
        assert {p.candidate for p in decided.placements} == {many}
        (hold,) = decided.holds
        assert (hold.job, hold.code) == (many, Code.CAPACITY)

    def test_an_array_with_room_for_all_is_not_held(self):
        assert decide(job("many", size=10, next=3)).holds == ()

    def test_ten_million_children_cost_what_there_is_room_for(self):
        decided = decide(job("many", size=10_000_000), environments=(environment(vcpus=2),))
        assert len(decided.placements) == 2

    @given(st.integers(0, 20), st.integers(1, 40), st.integers(0, 40))
    def test_children_leave_no_gap_and_pass_no_maximum(self, vcpus, size, handed_out):
        many = job("many", size=size, next=min(handed_out, size))
        decided = decide(many, environments=(environment(vcpus=vcpus),))
        indices = [int(p.job.id.split(":")[1]) for p in decided.placements]
        assert indices == list(range(many.next, many.next + len(indices)))
        assert len(indices) == min(vcpus, size - many.next)
