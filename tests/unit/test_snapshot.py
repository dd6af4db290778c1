"""GetJobQueueSnapshot: the first hundred RUNNABLE jobs, in the order of their turns."""

import pytest

from lambdas.adapters.aws.batch_model import BatchModel
from lambdas.core.errors import UnknownResource
from simulator.world import MINUTE, Outcome, World

MODEL = BatchModel()


@pytest.fixture
def full():
    """A world whose one vCPU is taken for the next hour."""
    made = World(lambda _name, _attempt: Outcome(runs=60 * MINUTE))
    made.environment(vcpus=1)
    made.queue()
    made.definition()
    for _ in range(4):
        made.submit()
    made.run(minutes=1)
    return made


def front(one):
    answer = one.platform.snapshot.snapshot({"jobQueue": "default"})
    assert MODEL.validate_response("GetJobQueueSnapshot", answer) == []
    assert answer["frontOfQueue"]["lastUpdatedAt"] == one.clock.now()
    return answer["frontOfQueue"]["jobs"]


def ids(jobs):
    return [job["jobArn"].rpartition("/")[2] for job in jobs]


def test_jobs_stand_in_the_order_of_submission_over_all_shapes(full):
    wanted = []
    for vcpus, memory in (("0.5", "1024"), ("0.25", "512"), ("0.5", "1024")):
        needs = [{"type": "VCPU", "value": vcpus}, {"type": "MEMORY", "value": memory}]
        wanted.append(full.submit(containerOverrides={"resourceRequirements": needs}))
        full.run(minutes=1)
    jobs = front(full)
    assert ids(jobs) == wanted
    assert [job["earliestTimeAtPosition"] for job in jobs] == [
        full.state(job).parked for job in wanted
    ]


def test_running_jobs_are_not_in_it(full):
    assert front(full) == []


def test_of_an_array_its_children_stand_in_line(full):
    array = full.submit(arrayProperties={"size": 250})
    full.run(minutes=1)
    last = full.submit()
    full.run(minutes=1)
    assert ids(front(full)) == [f"{array}:{index}" for index in range(100)]
    full.terminate(array, "enough")
    full.run(minutes=1)
    assert ids(front(full)) == [last]


def test_no_more_than_a_hundred_are_told(full):
    for _ in range(130):
        full.submit()
    full.run(minutes=2)
    assert len(front(full)) == 100


def test_an_unknown_queue_is_refused(full):
    with pytest.raises(UnknownResource):
        full.platform.snapshot.snapshot({"jobQueue": "nowhere"})
