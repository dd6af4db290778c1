"""Attempts whose hosts are lost, through the production services."""

from __future__ import annotations

from lambdas.core.job import JobState, Status
from simulator.checks import violations
from simulator.world import MINUTE, Outcome, World


def deployed(program=None, kind: str = "FARGATE") -> World:
    made = World(program)
    made.environment(kind=kind)
    made.queue()
    made.definition()
    return made


class TestAHostThatIsLost:
    def interrupted(self, times: int, **more) -> tuple[World, JobState]:
        """A job of a minute on Spot, which takes its host back so many times."""
        one = deployed(lambda _n, _a: Outcome(runs=MINUTE), "FARGATE_SPOT")
        job = one.submit(**more)
        for _ in range(times):
            one.run(minutes=0.5)
            for task in list(one.tasks.tasks.values()):
                one.fargate.interrupt(task)
        one.run(minutes=3)
        assert violations(one) == []
        return one, one.state(job)

    def test_costs_no_attempt(self):
        one, state = self.interrupted(3)
        assert (state.status, state.attempt, state.lost) == (Status.SUCCEEDED, 4, 3)
        lost = {"failureClass": "infrastructure", "statusReason": "Your Spot Task was interrupted."}
        failures = one.platform.explain.explain({"jobId": state.id})["failures"]
        assert failures == [{"attempt": number, **lost} for number in (1, 2, 3)]

    def test_costs_one_when_it_happens_too_often(self):
        one, state = self.interrupted(3, tags={"batchyard:infrastructure-attempts": "2"})
        assert (state.status, state.attempt) == (Status.FAILED, 3)
        assert state.status_reason == "Your Spot Task was interrupted."
        failures = one.platform.explain.explain({"jobId": state.id})["failures"]
        assert [failure["attempt"] for failure in failures] == [1, 2, 3]

    def test_costs_one_on_aws_batch_and_so_may_it_here(self):
        _, state = self.interrupted(1, tags={"batchyard:infrastructure-attempts": "0"})
        assert (state.status, state.attempt) == (Status.FAILED, 1)
