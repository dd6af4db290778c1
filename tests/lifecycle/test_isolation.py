"""What is broken for one job queue stays there: the others of its cell go on."""

from __future__ import annotations

import pytest

from lambdas.core.job import Status
from simulator.world import World


@pytest.fixture
def two_queues() -> World:
    """`default`, and `broken` with a higher priority, over one environment."""
    one = World()
    one.environment()
    one.queue()
    one.queue("broken", 90)
    one.definition()
    one.faults.on = True  # none by chance; but an invocation that fails is only tried again
    return one


def test_an_inbox_that_is_gone_holds_up_no_other_queue(two_queues):
    one = two_queues
    one.inboxes.remove(one.inbox("broken"))
    lost = one.submit(jobQueue="broken")
    job = one.submit()
    one.run(minutes=1)
    assert one.state(job).status is Status.SUCCEEDED
    assert one.state(lost).status is Status.RUNNABLE


@pytest.mark.parametrize("broken", ["send", "take"])
def test_nor_does_one_that_refuses_us(two_queues, broken, monkeypatch):
    """As SQS does when a policy of somebody's denies what a function asks: no error of our tree."""
    one = two_queues
    refusing, works = one.inbox("broken"), getattr(one.inboxes, broken)

    def refuse(queue, *more):
        if queue == refusing:
            raise PermissionError("AccessDenied")
        return works(queue, *more)

    monkeypatch.setattr(one.inboxes, broken, refuse)
    lost = one.submit(jobQueue="broken")
    job = one.submit()
    one.run(minutes=1)
    assert one.state(job).status is Status.SUCCEEDED
    assert one.state(lost).status is Status.RUNNABLE
    monkeypatch.undo()
    one.run(minutes=10)
    assert one.state(lost).status is Status.SUCCEEDED
