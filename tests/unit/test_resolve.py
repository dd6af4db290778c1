"""A job definition and SubmitJob merged, by AWS Batch's rules."""

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.core.catalog import Definition
from lambdas.core.errors import ClientError
from lambdas.core.placeholders import LONGEST_COMMAND, replaced, replaced_in
from lambdas.core.resolve import dependencies_of, merged_environment, resolve
from lambdas.core.shape import Shape

A_JOB = "11111111-1111-4111-8111-111111111111"
ANOTHER = "22222222-2222-4222-8222-222222222222"


def definition(container=None, **more):
    properties = {
        "image": "busybox",
        "command": ["echo", "Ref::who"],
        "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "resourceRequirements": [
            {"type": "VCPU", "value": "0.25"},
            {"type": "MEMORY", "value": "512"},
        ],
        "volumes": [],
        **(container or {}),
    }
    detail = {
        "parameters": {"who": "world"},
        "containerProperties": properties,
        "platformCapabilities": ["FARGATE"],
        **more,
    }
    return Definition("task", 1, detail, "arn:task-definition", True)


def submit(definition_=None, **body):
    return resolve({"jobName": "job", **body}, definition_ or definition())


def refusal(definition_=None, **body):
    with pytest.raises(ClientError) as refused:
        submit(definition_, **body)
    return refused.value.message


class TestCommand:
    def test_parameters_of_the_definition_are_defaults(self):
        job = submit()
        assert job.container["command"] == ["echo", "world"]
        assert job.overrides["command"] == ["echo", "world"]

    def test_parameters_of_the_job_win(self):
        assert submit(parameters={"who": "you"}).container["command"] == ["echo", "you"]

    def test_an_override_replaces_the_whole_command_and_may_hold_placeholders(self):
        job = submit(containerOverrides={"command": ["sh", "-c", "cat Ref::who.txt"]})
        assert job.overrides["command"] == ["sh", "-c", "cat world.txt"]

    def test_an_unchanged_command_is_no_override(self):
        job = submit(definition({"command": ["true"]}))
        assert "command" not in job.overrides

    @pytest.mark.parametrize("command", [None, []])
    def test_no_command_leaves_the_definitions(self, command):
        overrides = {} if command is None else {"command": command}
        assert submit(containerOverrides=overrides).container["command"] == ["echo", "world"]

    def test_an_empty_element_is_refused(self):
        assert "containerOverrides.command[1]" in refusal(containerOverrides={"command": ["a", ""]})

    def test_no_process_can_be_given_a_nul(self):
        assert "NUL" in refusal(parameters={"who": "a\0b"})


class TestPlaceholders:
    @pytest.mark.parametrize(
        ("element", "expected"),
        [
            ("Ref::a", "1"),
            ("--x=Ref::a,Ref::b", "--x=1,2"),
            ("Ref::ab", "3"),
            ("Ref::a-b", "4"),
            ("Ref::a-c", "1-c"),
            ("Ref::abc", "Ref::abc"),
            ("xRef::a", "xRef::a"),
            ("Ref::unknown Ref::a", "Ref::unknown 1"),
            ("ref::a", "ref::a"),
            ("Ref::", "Ref::"),
        ],
    )
    def test_whole_names_are_replaced(self, element, expected):
        assert replaced(element, {"a": "1", "b": "2", "ab": "3", "a-b": "4"}) == expected

    def test_values_are_not_searched_again(self):
        assert replaced("Ref::a", {"a": "Ref::b", "b": "2"}) == "Ref::b"

    @given(st.text(), st.text(), st.text(string.ascii_letters, min_size=1))
    def test_any_value_goes_in_as_it_is(self, value, around, name):
        around = around.replace("R", "")
        assert replaced(f"{around} Ref::{name} ", {name: value}) == f"{around} {value} "

    @given(st.text())
    def test_text_without_parameters_stays(self, text):
        assert replaced(text, {}) == text

    def test_one_that_names_many_is_bounded_before_it_is_made(self):
        """Five megabytes can ask for a terabyte."""
        with pytest.raises(ClientError, match="at most 61,440 characters"):
            replaced_in(["Ref::a " * 8000], {"a": "x" * 2_000_000})

    def test_may_be_as_long_as_a_command_and_no_longer(self):
        most = "x" * (LONGEST_COMMAND - 2)
        assert replaced_in(["Ref::a", "yy"], {"a": most}) == [most, "yy"]
        with pytest.raises(ClientError, match="too long"):
            replaced_in(["Ref::a", "yyy"], {"a": most})

    def test_are_found_among_very_many_parameters(self):
        parameters = {f"n{number}": "v" for number in range(200_000)}
        started = time.process_time()
        assert set(replaced_in(["Ref::n7"] * 5000, parameters)) == {"v"}
        assert time.process_time() - started < 2

    def test_have_names_of_a_length_that_can_be_looked_for(self):
        assert "1 to 255 characters" in refusal(parameters={"n" * 256: "x"})
        assert "1 to 255 characters" in refusal(parameters={"": "x"})


class TestEnvironment:
    def test_is_merged_by_name_in_the_definitions_place(self):
        asked = [{"name": "C", "value": "3"}, {"name": "A", "value": "9"}]
        job = submit(containerOverrides={"environment": asked})
        merged = [(v["name"], v["value"]) for v in job.container["environment"]]
        assert merged == [("A", "9"), ("B", "2"), ("C", "3")]
        assert job.overrides["environment"] == asked

    @pytest.mark.parametrize("name", ["AWS_BATCH_JOB_ID", "AWS_BATCH", ""])
    def test_reserved_and_impossible_names_are_refused(self, name):
        told = refusal(containerOverrides={"environment": [{"name": name, "value": "x"}]})
        assert "containerOverrides.environment[0].name" in told

    @given(
        st.lists(st.tuples(st.sampled_from("ABCDE"), st.text())),
        st.lists(st.tuples(st.sampled_from("ABCDE"), st.text())),
    )
    def test_every_name_is_there_once_with_the_last_value(self, base, asked):
        told = [[{"name": n, "value": v} for n, v in given] for given in (base, asked)]
        merged = merged_environment(*told)
        assert {v["name"]: v["value"] for v in merged} == dict([*base, *asked])
        assert len(merged) == len({n for n, _ in [*base, *asked]})


class TestResources:
    def test_are_merged_by_type(self):
        asked = [{"type": "MEMORY", "value": "3000"}]
        job = submit(containerOverrides={"resourceRequirements": asked})
        assert job.shape == Shape("FARGATE", "X86_64", 250, 3000)

    def test_what_no_size_holds_is_refused_with_the_largest(self):
        asked = [{"type": "MEMORY", "value": "300000"}]
        told = refusal(containerOverrides={"resourceRequirements": asked})
        assert "300,000 MiB of memory (the largest size has 249,856)" in told

    @pytest.mark.parametrize("value", ["0", "-1", "many", "1e3", "", "0.0000", "½"])
    def test_a_vcpu_that_is_no_number_is_refused(self, value):
        asked = [{"type": "VCPU", "value": value}]
        assert "VCPU" in refusal(containerOverrides={"resourceRequirements": asked})

    def test_gpus_are_refused(self):
        asked = [{"type": "GPU", "value": "1"}]
        assert "no GPUs" in refusal(containerOverrides={"resourceRequirements": asked})

    @pytest.mark.parametrize("overrides", [{"vcpus": 1}, {"memory": 512}])
    def test_the_old_fields_are_refused_on_fargate(self, overrides):
        assert "use resourceRequirements" in refusal(containerOverrides=overrides)

    def test_the_architecture_is_the_definitions(self):
        arm = definition({"runtimePlatform": {"cpuArchitecture": "ARM64"}})
        assert submit(arm).shape.architecture == "ARM64"

    def test_disk_of_the_definition_and_of_the_job(self):
        large = definition({"ephemeralStorage": {"sizeInGiB": 50}})
        assert (submit(large).shape.disk, submit(large).overrides.get("disk")) == (50, None)
        job = submit(large, tags={"batchyard:disk-gib": "80"})
        assert (job.shape.disk, job.overrides["disk"]) == (80, 80)
        assert job.container["ephemeralStorage"] == {"sizeInGiB": 80}


class TestStrategies:
    def test_submit_replaces_the_definitions_as_a_whole(self):
        rules = [{"onExitCode": "1", "action": "exit"}]
        kept = definition(retryStrategy={"attempts": 3, "evaluateOnExit": rules})
        assert submit(kept).retry["attempts"] == 3
        assert submit(kept, retryStrategy={"attempts": 2}).retry == {
            "attempts": 2,
            "evaluateOnExit": [],
        }

    def test_timeouts(self):
        kept = definition(timeout={"attemptDurationSeconds": 100})
        assert submit(kept).timeout == 100
        assert submit(kept, timeout={"attemptDurationSeconds": 60}).timeout == 60
        assert "60 or more" in refusal(timeout={"attemptDurationSeconds": 59})

    def test_priorities(self):
        kept = definition(schedulingPriority=5)
        assert submit(kept).priority == 5
        assert submit(kept, schedulingPriorityOverride=0).priority == 0
        assert "0 to 9999" in refusal(schedulingPriorityOverride=10_000)


class TestTags:
    def test_a_jobs_tags_are_its_own(self):
        job = submit(definition(tags={"team": "blue"}), tags={"a": "1"})
        assert (job.tags, job.task_tags) == ({"a": "1"}, {})

    def test_propagated_tags_are_both_without_ours_the_jobs_first(self):
        kept = definition(tags={"team": "blue", "a": "0", "batchyard:backoff": "5s"})
        job = submit(kept, tags={"a": "1", "batchyard:disk-gib": "30"}, propagateTags=True)
        assert job.task_tags == {"team": "blue", "a": "1"}
        assert job.extensions == {"backoff": "5s", "disk-gib": "30"}

    def test_submit_overrides_the_definitions_propagation(self):
        kept = definition(propagateTags=True, tags={"a": "1"})
        assert submit(kept).propagate_tags
        assert not submit(kept, propagateTags=False).propagate_tags

    def test_more_than_50_together_are_refused(self):
        kept = definition(tags={f"d{n}": "" for n in range(30)})
        told = refusal(kept, tags={f"j{n}": "" for n in range(21)}, propagateTags=True)
        assert "51 together" in told


class TestDependencies:
    def test_are_kept_in_order_each_once(self):
        asked = [{"jobId": ANOTHER}, {"jobId": A_JOB}, {"jobId": ANOTHER}]
        assert dependencies_of(asked) == ({"jobId": ANOTHER}, {"jobId": A_JOB})

    def test_there_may_be_any_number(self):
        asked = [{"jobId": f"{n:08x}{A_JOB[8:]}"} for n in range(5_000)]
        assert len(submit(dependsOn=asked).depends_on) == 5_000

    @pytest.mark.parametrize("job", ["", "x", A_JOB.upper().replace("1", "A"), f"{A_JOB}\n"])
    def test_a_malformed_id_is_refused(self, job):
        assert "dependsOn[0].jobId" in refusal(dependsOn=[{"jobId": job}])

    def test_of_an_array_may_be_index_by_index(self):
        asked = [{"jobId": A_JOB, "type": "N_TO_N"}, {"type": "SEQUENTIAL"}, {"jobId": A_JOB}]
        assert dependencies_of(asked, size=2) == tuple(asked)

    def test_on_a_child_have_its_id_as_it_is(self):
        asked = [{"jobId": f"{A_JOB}:007"}, {"jobId": f"{A_JOB}:7"}]
        assert dependencies_of(asked) == ({"jobId": f"{A_JOB}:7"},)


class TestWhatComesLater:
    @pytest.mark.parametrize(
        "member",
        [
            "nodeOverrides",
            "ecsPropertiesOverride",
            "eksPropertiesOverride",
            "consumableResourcePropertiesOverride",
        ],
    )
    def test_is_refused_when_asked_for_and_only_then(self, member):
        assert f"{member} is not supported" in refusal(**{member: {"size": 3}})
        assert submit(**{member: {}})

    @pytest.mark.parametrize("name", ["", "-a", "a b", "ä", "a" * 129, "a\n", "../x"])
    def test_hostile_names_are_refused(self, name):
        assert "jobName" in refusal(jobName=name)
