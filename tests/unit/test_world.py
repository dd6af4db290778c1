"""The simulated world itself: what happens when, in which order, and what wakes what."""

from __future__ import annotations

import pytest

from lambdas.core.errors import Throttled
from simulator.agenda import Agenda
from simulator.fargate import Outcome
from simulator.functions import BELL_AGAIN
from simulator.latencies import INSTANT, REALISTIC, Latencies
from simulator.world import World


def world(latencies: Latencies = INSTANT, seed: int = 0) -> World:
    program = lambda _name, attempt: Outcome(20_000, exit_code=int(attempt == 1))  # noqa: E731
    made = World(program, seed, latencies=latencies)
    made.environment()
    made.queue()
    made.definition()
    return made


def test_an_agenda_goes_by_time_then_rank_then_order():
    agenda, done = Agenda(), []
    for when, rank, name in ((2, 0, "d"), (1, 5, "c"), (1, 0, "a"), (1, 0, "b")):
        agenda.at(when, lambda name=name: done.append(name), rank)
    while agenda.next_by(9) is not None:
        agenda.take()()
    assert done == ["a", "b", "c", "d"]


def told(latencies: Latencies) -> list[object]:
    """Everything that a run leaves behind."""
    one = world(latencies, seed=7)
    jobs = [one.submit(f"j{n}", retryStrategy={"attempts": 2}) for n in range(30)]
    one.submit("last", dependsOn=[{"jobId": job} for job in jobs])
    one.run(minutes=10)
    items = sorted(one.tables.jobs.scan(), key=lambda item: (item["pk"], item["sk"]))
    return [items, one.journal.lines, one.meter.totals(), one.agenda.done]


@pytest.mark.parametrize("latencies", [INSTANT, REALISTIC])
def test_the_same_seed_gives_the_same_run_byte_for_byte(latencies):
    assert repr(told(latencies)) == repr(told(latencies))


def test_nothing_is_polled_while_nothing_happens():
    one = world()
    one.submit()
    one.run(minutes=1, reconcile=False)
    done = one.agenda.done
    one.run(minutes=24 * 60, reconcile=False)
    assert one.agenda.done == done


def test_latencies_pass_between_cause_and_effect():
    slow = Latencies(stream=2_000, queue=3_000, event=5_000, start=60_000)
    one = world(slow)
    job = one.submit(retryStrategy={"attempts": 2})
    begun = one.clock.now()
    one.run(minutes=10)
    state = one.state(job)
    assert state.claimed is not None
    first = one.describe(job)["attempts"][0]
    assert first["startedAt"] - begun == 2_000 + 3_000 + 2_000 + 60_000
    assert state.claimed - first["stoppedAt"] == 5_000 + 3_000 + 2_000 + 3_000


def test_events_reach_track_in_batches():
    one = world(Latencies(event=500, queue=100))
    for number in range(60):
        one.submit(f"j{number}")
    one.run(minutes=1)
    # the starts and the ends of 60 attempts, fifty at a time
    assert one.functions.deliveries["track"] == 2 * 2


def test_the_polling_of_a_mapping_is_no_call_of_ours():
    one = world()
    one.submit()
    one.run(minutes=30)
    calls = {t.operation: t.calls for t in one.meter.totals() if t.service == "sqs"}
    ticks = one.functions.invocations["schedule"]
    assert calls["ReceiveMessage"] <= 2 * ticks


def test_a_bell_whose_tick_failed_comes_again_when_its_message_is_visible(monkeypatch):
    one = world()
    take, failing = one.inboxes.take, [True]

    def refuse(*asked):
        if failing:
            failing.clear()
            raise Throttled("the tick dies of it")
        return take(*asked)

    monkeypatch.setattr(one.inboxes, "take", refuse)
    job = one.submit()
    began = one.clock.now()
    one.run(minutes=5, reconcile=False)
    assert one.state(job).claimed - began == BELL_AGAIN
