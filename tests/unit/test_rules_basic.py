"""AWS Batch's rules about names, resources, retries, time-outs and tags."""

from __future__ import annotations

import string
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.core import rules
from lambdas.core.errors import ClientError

ALPHABET = string.ascii_letters + string.digits + "-_"


def refusal(rule, *args) -> str:
    with pytest.raises(ClientError) as caught:
        rule(*args)
    return caught.value.message


class TestNames:
    @given(st.sampled_from(string.ascii_letters + string.digits), st.text(ALPHABET, max_size=127))
    def test_of_letters_digits_hyphens_and_underscores_are_allowed(self, first, rest):
        rules.name("jobName", first + rest)

    @pytest.mark.parametrize("name", ["", "-a", "_a", "a b", "a/b", "é", "a\n", "x" * 129, "a:1"])
    def test_of_anything_else_are_refused_with_field_and_rule(self, name):
        assert refusal(rules.name, "jobName", name).startswith("jobName is '")


class TestResources:
    @given(st.decimals(min_value="0.001", max_value=999_999, places=3))
    def test_no_job_is_given_less_cpu_than_it_asked_for(self, vcpus):
        milli = rules.milli_vcpus_of(str(vcpus))
        assert 0 <= Decimal(milli) / 1000 - vcpus < Decimal("0.001")

    def test_are_read_by_kind_with_nothing_for_what_is_not_said(self):
        vcpu = {"type": "VCPU", "value": "0.25"}
        assert rules.needs([vcpu, {"type": "MEMORY", "value": "512"}]) == (250, 512)
        assert rules.needs([vcpu]) == (250, 0)

    @pytest.mark.parametrize("value", ["", "3", "-4", "4.5", "1e4", " 8", "0x10", "٤٤", "9" * 40])
    def test_memory_is_a_whole_number_of_mib_from_4(self, value):
        said = refusal(rules.resources, "r", [{"type": "MEMORY", "value": value}])
        assert said.startswith("r[0].value is ")
        assert "at least 4" in said

    @pytest.mark.parametrize("value", ["", "0", "0.0", "-1", "1e3", "NaN", "Infinity", "1.", ".5"])
    def test_vcpus_are_a_positive_decimal(self, value):
        assert "VCPU" in refusal(rules.resources, "r", [{"type": "VCPU", "value": value}])

    def test_gpus_are_not_had_on_fargate(self):
        assert "no GPUs" in refusal(rules.resources, "r", [{"type": "GPU", "value": "1"}])

    def test_a_type_is_given_once(self):
        twice = [{"type": "VCPU", "value": "1"}] * 2
        assert refusal(rules.resources, "r", twice) == (
            "r[1].type is 'VCPU': each type is allowed once."
        )


class TestEnvironment:
    @pytest.mark.parametrize("name", ["AWS_BATCH", "AWS_BATCH_JOB_ID", "AWS_BATCHX", "", "a=b"])
    def test_reserved_and_unreadable_names_are_refused(self, name):
        said = refusal(rules.environment, "environment", [{"name": name, "value": "x"}])
        told = name.replace("=b", "=…")  # what follows may be a secret
        assert said.startswith(f"environment[0].name is '{told}'")

    def test_aws_names_of_other_services_are_allowed(self):
        rules.environment("environment", [{"name": "AWS_REGION", "value": "x"}])


class TestRetries:
    def strategy(self, **rule):
        return {"attempts": 2, "evaluateOnExit": [{"action": "RETRY", **rule}]}

    @pytest.mark.parametrize("attempts", [1, 10])
    def test_have_1_to_10_attempts(self, attempts):
        rules.retry_strategy("r", {"attempts": attempts})

    @pytest.mark.parametrize("attempts", [-1, 0, 11])
    def test_have_no_other_number_of_attempts(self, attempts):
        assert "1 to 10" in refusal(rules.retry_strategy, "r", {"attempts": attempts})

    def test_rules_need_attempts(self):
        body = {"evaluateOnExit": [{"action": "EXIT", "onExitCode": "1"}]}
        assert "attempts is required" in refusal(rules.retry_strategy, "r", body)

    def test_have_at_most_5_rules(self):
        body = {"attempts": 2, "evaluateOnExit": [{"action": "EXIT", "onExitCode": "1"}] * 6}
        assert "6 rules" in refusal(rules.retry_strategy, "r", body)

    @pytest.mark.parametrize("pattern", ["Host EC2*", "a.b: c\t*", "*", "CannotPull:x"])
    def test_reasons_are_words_with_a_star_at_the_end(self, pattern):
        rules.retry_strategy("r", self.strategy(onReason=pattern, onStatusReason=pattern))

    @pytest.mark.parametrize("pattern", ["", "a*b", "**", "a(b)", "é", "x" * 513, "a-b"])
    def test_other_reasons_are_refused(self, pattern):
        said = refusal(rules.retry_strategy, "r", self.strategy(onStatusReason=pattern))
        assert said.startswith("r.evaluateOnExit[0].onStatusReason is ")

    @pytest.mark.parametrize("pattern", ["1x", "-1", "1*2", ""])
    def test_exit_codes_are_digits_with_a_star_at_the_end(self, pattern):
        rules.retry_strategy("r", self.strategy(onExitCode="13*"))
        assert "onExitCode" in refusal(rules.retry_strategy, "r", self.strategy(onExitCode=pattern))

    def test_are_kept_with_actions_in_capitals_and_one_attempt_when_not_said(self):
        body = {"attempts": 3, "evaluateOnExit": [{"action": "retry", "onExitCode": "1"}]}
        kept = rules.normalised_retry(body)
        assert kept == {
            "attempts": 3,
            "evaluateOnExit": [{"action": "RETRY", "onExitCode": "1"}],
        }
        assert rules.normalised_retry({})["attempts"] == 1


class TestTimeouts:
    def test_are_a_minute_or_more(self):
        rules.timeout("timeout", {"attemptDurationSeconds": 60})
        assert "60 or more" in refusal(rules.timeout, "timeout", {"attemptDurationSeconds": 59})

    def test_may_be_empty(self):
        rules.timeout("timeout", {})


class TestTags:
    @given(
        st.dictionaries(
            st.text(ALPHABET + " .:/=+@é", min_size=1, max_size=128).filter(
                lambda key: not key.lower().startswith("aws:")
            ),
            st.text(ALPHABET + " .:/=+@é", max_size=256),
            max_size=50,
        )
    )
    def test_in_the_alphabet_of_aws_are_allowed(self, tags):
        rules.tags("tags", tags)

    @pytest.mark.parametrize(
        ("tags", "sentence"),
        [
            ({f"k{n}": "" for n in range(51)}, "tags has 51 tags"),
            ({"": "x"}, "1 to 128"),
            ({"k" * 129: ""}, "1 to 128"),
            ({"k": "v" * 257}, "tags['k']"),
            ({"aws:x": ""}, "aws:"),
            ({"AWS:x": ""}, "aws:"),
            ({"a,b": ""}, "letters, digits"),
            ({"a": "x\ny"}, "letters, digits"),
        ],
    )
    def test_others_are_refused(self, tags, sentence):
        assert sentence in refusal(rules.tags, "tags", tags)
