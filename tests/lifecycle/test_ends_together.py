"""Ends that ECS tells of in one batch: written down together, and none in the way of another."""

from __future__ import annotations

from lambdas.core import arrays
from lambdas.core.errors import TransactionRefused
from lambdas.core.job import Status, spec_key
from lambdas.core.tables import Delete
from simulator.checks import violations
from simulator.fargate import Outcome
from simulator.world import World


def world(program=None):
    one = World(program or (lambda *_: Outcome(runs=3_600_000)))
    one.environment()
    one.queue()
    one.definition()
    return one


def running(one, *jobs):
    """The jobs' tasks, stopped, as ECS would tell of them now."""
    one.run(minutes=0.5)
    tasks = [one.state(job).task for job in jobs]
    for task in tasks:
        one.tasks.finish(task)
    return [one.tasks.tasks[task].report() for task in tasks]


def cost(one):
    return sum(tally.write_units for tally in one.meter.totals())


def test_many_ends_are_one_transaction():
    one = world()
    jobs = [one.submit(f"j{n}") for n in range(10)]
    reports = running(one, *jobs)
    one.meter.reset()
    assert one.platform.tracker.on_reports(reports) == []
    assert {one.state(job).status for job in jobs} == {Status.SUCCEEDED}
    assert one.in_use("fargate") == 0
    transactions = [t for t in one.meter.totals() if t.operation == "TransactWriteItems"]
    assert {(t.table, t.calls) for t in transactions if not t.index} == {
        ("jobs", 1),
        ("capacity", 1),
    }


def test_children_of_an_array_are_counted_together():
    one = world()
    job = one.submit("many", arrayProperties={"size": 10})
    one.run(minutes=0.5)
    reports = running(one, *[f"{job}:{i}" for i in range(10)])
    assert one.platform.tracker.on_reports(reports) == []
    counters = one.tables.jobs.get_many(arrays.count_keys(job, 10)).values()
    assert arrays.counts(counters) == arrays.Counts(10, 0)
    one.run(minutes=1)
    assert one.state(job).status is Status.SUCCEEDED
    assert violations(one) == []


def test_the_word_of_a_start_is_not_needed_when_the_end_is_there():
    one = world()
    one.paused.add("track")
    job = one.submit()
    one.run(minutes=0.1)
    task = one.state(job).task
    started = one.tasks.tasks[task].report()
    one.tasks.finish(task)
    ended = one.tasks.tasks[task].report()
    one.meter.reset()
    assert one.platform.tracker.on_reports([started, ended, ended]) == []
    assert one.state(job).status is Status.SUCCEEDED
    assert [t.calls for t in one.meter.totals() if t.operation == "UpdateItem"] == []


def test_one_that_cannot_be_ended_does_not_hold_up_the_others():
    one = world()
    jobs = [one.submit(f"j{n}") for n in range(3)]
    reports = running(one, *jobs)
    one.tables.jobs.write(Delete(spec_key(jobs[1])))
    assert one.platform.tracker.on_reports(reports) == [reports[1]]
    assert [one.state(job).status.ended for job in jobs] == [True, False, True]


def test_a_stop_wished_meanwhile_is_decided_anew(monkeypatch):
    one = world()
    jobs = [one.submit(f"j{n}", retryStrategy={"attempts": 2}) for n in range(3)]
    one.run(minutes=0.5)
    for job in jobs:
        one.tasks.finish(one.state(job).task, 1)
    reports = [one.tasks.tasks[one.state(job).task].report() for job in jobs]
    transact, first = one.tables.transact, []

    def overtaken(writes):
        if not first:
            first.append(True)
            one.terminate(jobs[0], "no more")
        return transact(writes)

    monkeypatch.setattr(one.tables, "transact", overtaken)
    assert one.platform.tracker.on_reports(reports) == []
    one.run(minutes=0.1)
    assert one.state(jobs[0]).status is Status.FAILED
    assert [one.state(job).attempt for job in jobs[1:]] == [2, 2]


def test_a_transaction_in_flight_ends_each_alone(monkeypatch):
    one = world()
    jobs = [one.submit(f"j{n}") for n in range(3)]
    reports = running(one, *jobs)
    transact, tries = one.tables.transact, []

    def busy(writes):
        tries.append(len(writes))
        if len(tries) == 1:
            raise TransactionRefused(conflicted=(0,))
        return transact(writes)

    monkeypatch.setattr(one.tables, "transact", busy)
    assert one.platform.tracker.on_reports(reports) == []
    assert tries == [4, 2, 2, 2]
    assert {one.state(job).status for job in jobs} == {Status.SUCCEEDED}


def test_what_is_not_ours_and_what_is_over_is_passed_over():
    one = world()
    jobs = [one.submit("a"), one.submit("b")]
    reports = running(one, *jobs)
    assert one.platform.tracker.on_reports(reports) == []
    assert one.platform.tracker.on_reports(reports) == []
    assert violations(one) == []
