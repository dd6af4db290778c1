"""AWS Batch's retryStrategy, as its reference has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.core.retry import AttemptOutcome, RetryCode, decide, matches

SPOT_RECIPE = {
    "attempts": 5,
    "evaluateOnExit": [
        {"onStatusReason": "Host EC2*", "action": "RETRY"},
        {"onReason": "*", "action": "EXIT"},
    ],
}


def ended(**told):
    return AttemptOutcome(stopped=1, **{"exit_code": 1, **told})


def rule(action="RETRY", **conditions):
    return {"attempts": 10, "evaluateOnExit": [{**conditions, "action": action}]}


class TestAttempts:
    def test_one_attempt_is_the_default(self):
        assert decide({}, 1, ended()).code is RetryCode.EXHAUSTED

    def test_every_attempt_but_the_last_is_followed_by_another(self):
        verdicts = [decide({"attempts": 3}, attempt, ended()).retry for attempt in (1, 2, 3)]
        assert verdicts == [True, True, False]

    def test_rules_do_not_add_attempts(self):
        assert not decide(rule(onExitCode="1"), 10, ended()).retry

    @pytest.mark.parametrize("kind", ["cancel", "terminate", "timeout"])
    def test_stopped_jobs_are_not_retried_whatever_the_rules_say(self, kind):
        decision = decide(rule(onExitCode="*"), 1, ended(stop_kind=kind))
        assert (decision.retry, decision.code) == (False, RetryCode.STOPPED)

    def test_what_ecs_can_never_run_is_not_retried(self):
        assert not decide({"attempts": 10}, 1, ended(refused=True)).retry


class TestRules:
    def test_the_documented_spot_recipe(self):
        lost = ended(status_reason="Host EC2 (instance i-1) terminated.", exit_code=None)
        failed = ended(status_reason="Essential container in task exited")
        assert decide(SPOT_RECIPE, 1, lost).retry
        assert not decide(SPOT_RECIPE, 1, failed).retry

    def test_the_first_match_wins(self):
        rules = [{"onExitCode": "1*", "action": "EXIT"}, {"onExitCode": "137", "action": "RETRY"}]
        strategy = {"attempts": 3, "evaluateOnExit": rules}
        decision = decide(strategy, 1, ended(exit_code=137))
        assert not decision.retry
        assert decision.reason == "rule 1 of evaluateOnExit says EXIT"

    def test_no_match_is_a_retry(self):
        decision = decide(rule("EXIT", onExitCode="2"), 1, ended(exit_code=1))
        assert (decision.retry, decision.code) == (True, RetryCode.DEFAULT)

    def test_all_conditions_of_a_rule_must_hold(self):
        both = {"onExitCode": "137", "onReason": "OutOfMemoryError*", "action": "EXIT"}
        assert matches(both, ended(exit_code=137, reason="OutOfMemoryError: Container killed"))
        assert not matches(both, ended(exit_code=137))

    @pytest.mark.parametrize("action", ["EXIT", "exit", "Exit"])
    def test_the_action_is_read_in_any_case(self, action):
        assert not decide(rule(action, onExitCode="1"), 1, ended()).retry

    def test_patterns_mind_capitals(self):
        assert not matches({"onReason": "outofmemory*"}, ended(reason="OutOfMemoryError"))

    def test_an_exit_code_is_matched_as_text(self):
        assert matches({"onExitCode": "13*"}, ended(exit_code=137))
        assert not matches({"onExitCode": "13"}, ended(exit_code=137))
        assert not matches({"onExitCode": "1*"}, ended(exit_code=None))

    @given(st.text(), st.text())
    def test_a_trailing_star_is_a_prefix_and_nothing_else_is_special(self, start, rest):
        text = start + rest
        assert matches({"onReason": start + "*"}, ended(reason=text))
        if not start.endswith("*"):
            assert matches({"onReason": start}, ended(reason=text)) == (start == text)
