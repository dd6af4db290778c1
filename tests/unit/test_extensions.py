"""The `batchyard:` tags: read, checked, honestly refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.core.errors import ClientError
from lambdas.core.extensions import Backoff, read, split


def refusal(name, value, of_job=True):
    with pytest.raises(ClientError) as refused:
        read({f"batchyard:{name}": value}, "tags", of_job=of_job)
    return refused.value.message


class TestReading:
    def test_ours_are_told_from_the_others(self):
        tags = {"batchyard:backoff": "10s", "team": "blue"}
        assert split(tags) == ({"backoff": "10s"}, {"team": "blue"})

    def test_what_works_is_kept_as_it_was_written(self):
        told = {"backoff": "10s x2 max 10m", "disk-gib": "100", "client-token": "order-7/a"}
        tags = {f"batchyard:{name}": value for name, value in told.items()}
        assert read(tags, "tags", of_job=True) == told

    def test_unknown_tags_are_refused_naming_the_known(self):
        assert refusal("backof", "10s") == (
            "tags.batchyard:backof is unknown: the batchyard: tags are backoff, client-token, "
            "depends-on, disk-gib, infrastructure-attempts, max-parallel, on-oom, spot-attempts."
        )

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("on-oom", "memory x2 max 65536"),
            ("spot-attempts", "2"),
        ],
    )
    def test_what_comes_later_is_not_silently_ignored(self, name, value):
        assert "not yet supported" in refusal(name, value)

    @pytest.mark.parametrize("end", ["succeeded", "failed", "finished"])
    def test_a_job_may_wait_for_any_end(self, end):
        assert read({"batchyard:depends-on": end}, "tags", of_job=True)

    @pytest.mark.parametrize("end", ["", "any", "Failed", "success"])
    def test_another_end_is_refused_naming_those_there_are(self, end):
        assert "succeeded, failed or finished is allowed" in refusal("depends-on", end)

    @pytest.mark.parametrize("times", ["-1", "101", "", "many", "٣", "1.5"])
    def test_losses_of_hosts_are_spared_0_to_100_times(self, times):
        assert "a whole number from 0 to 100" in refusal("infrastructure-attempts", times)

    @pytest.mark.parametrize("most", ["0", "-1", "", "ten", "1.5", "10000001"])
    def test_an_array_may_have_1_to_10_million_children_under_way(self, most):
        assert "a whole number from 1 to 10000000 is allowed" in refusal("max-parallel", most)

    def test_a_definition_has_no_client_token(self):
        assert "belongs to a job" in refusal("client-token", "t", of_job=False)

    @pytest.mark.parametrize("value", ["", "a b", "x" * 129, "tab\t"])
    def test_a_client_token_is_one_word(self, value):
        assert "1 to 128 printable characters" in refusal("client-token", value)

    @pytest.mark.parametrize("value", ["20", "201", "-30", "many", "", "٣٠", "1e2", "9" * 200])
    def test_a_disk_has_21_to_200_gib(self, value):
        assert "21 to 200" in refusal("disk-gib", value)


class TestBackoff:
    def test_grows_up_to_its_maximum(self):
        backoff = Backoff.parse("10s x2 max 10m")
        assert [backoff.delay(n) for n in range(1, 9)] == [10, 20, 40, 80, 160, 320, 600, 600]

    def test_without_a_factor_it_stays(self):
        assert [Backoff.parse("1m").delay(n) for n in (1, 5)] == [60, 60]

    def test_a_factor_may_have_decimals(self):
        assert [Backoff.parse("10s x1.5").delay(n) for n in (1, 2, 3)] == [10, 15, 22]

    @pytest.mark.parametrize(
        "text",
        ["", "10", "x2", "0s", "25h", "10s x0.5", "10s x11", "10m max 10s", "10s x2 max", "10s,x2"],
    )
    def test_what_it_does_not_understand_is_refused_with_an_example(self, text):
        assert "such as '10s x2 max 10m'" in refusal("backoff", text)

    @given(st.integers(1, 86_400), st.integers(1, 10), st.integers(1, 86_400), st.integers(1, 50))
    def test_pauses_never_shrink_and_never_pass_the_maximum(self, first, factor, most, attempt):
        if first > most:
            return
        backoff = Backoff.parse(f"{first}s x{factor} max {most}s")
        assert first <= backoff.delay(attempt) <= backoff.delay(attempt + 1) <= most

    @given(st.text() | st.text("0123456789smhx. a", max_size=20))
    def test_any_text_is_read_or_refused_in_one_sentence(self, text):
        try:
            backoff = Backoff.parse(text)
        except ClientError as refused:
            told = refused.message
        else:
            told = f"{backoff.delay(1)} seconds"
        assert told.endswith(("allowed.", "seconds"))
