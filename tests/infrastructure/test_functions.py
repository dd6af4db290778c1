"""Every function: one runtime, one asset, its own log and role, told only what Settings knows."""

from __future__ import annotations

import dataclasses
import json

import pytest

from lambdas.settings import PREFIX, Settings
from tests.infrastructure.conftest import Templates
from tests.infrastructure.reading import flat, named, resources

TIMEOUTS = {
    "api": 29,
    "intake": 30,
    "relay": 30,
    "schedule": 60,
    "launch": 30,
    "track": 30,
    "reconcile": 60,
    "declare": 60,
}


@pytest.fixture(scope="module")
def functions(templates: Templates) -> dict[str, dict]:
    found = resources(templates["control-plane"], "AWS::Lambda::Function").values()
    return {
        function["FunctionName"].removeprefix("batchyard-"): dict(function) for function in found
    }


def test_there_are_eight_functions_and_no_helper_of_cdk(functions: dict[str, dict]) -> None:
    assert set(functions) == set(TIMEOUTS)


def test_functions_share_runtime_architecture_and_code(functions: dict[str, dict]) -> None:
    assert {function["Runtime"] for function in functions.values()} == {"python3.14"}
    assert {tuple(function["Architectures"]) for function in functions.values()} == {("arm64",)}
    assert len({json.dumps(function["Code"]) for function in functions.values()}) == 1


def test_handlers_and_timeouts(functions: dict[str, dict]) -> None:
    for name, function in functions.items():
        assert function["Handler"] == f"lambdas.handlers.{name}.handler"
        assert function["Timeout"] == TIMEOUTS[name]
        assert function["MemorySize"] == 512
        assert "ReservedConcurrentExecutions" not in function


def test_functions_are_told_exactly_the_settings(functions: dict[str, dict]) -> None:
    expected = {PREFIX + field.name.upper() for field in dataclasses.fields(Settings)}
    for function in functions.values():
        assert set(function["Environment"]["Variables"]) == expected


def test_the_settings_can_be_read_back(functions: dict[str, dict]) -> None:
    variables = functions["api"]["Environment"]["Variables"]
    settings = Settings.from_env({name: flat(value) for name, value in variables.items()})
    assert settings.deployment == "batchyard"
    assert settings.assign_public_ip is True
    assert settings.retention_days == 90
    assert settings.require_tls is True
    assert settings.pass_roles == (
        "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/batchyard/jobs/*",
    )
    for field in dataclasses.fields(settings):
        if field.name != "queue_key":
            assert getattr(settings, field.name) not in ("", ()), field.name


def test_logs_are_json_in_an_own_group_that_forgets(templates: Templates, functions: dict) -> None:
    groups = resources(templates["control-plane"], "AWS::Logs::LogGroup")
    for name, function in functions.items():
        logging = function["LoggingConfig"]
        assert logging["LogFormat"] == "JSON"
        group = groups[logging["LogGroup"]["Ref"]]
        assert group["LogGroupName"] == f"/aws/lambda/batchyard-{name}"
    assert {group["RetentionInDays"] for group in groups.values()} == {30}


def test_every_function_has_a_role_of_its_own(functions: dict[str, dict]) -> None:
    assert len({flat(function["Role"]) for function in functions.values()}) == len(functions)


def test_what_fails_asynchronously_is_kept(templates: Templates, functions: dict) -> None:
    template = templates["control-plane"]
    kept = resources(template, "AWS::Lambda::EventInvokeConfig")
    assert len(kept) == len(functions)
    for config in kept.values():
        assert "QueuesFailures" in flat(config["DestinationConfig"]["OnFailure"]["Destination"])


def test_the_stream_has_two_readers_and_no_third(templates: Templates) -> None:
    mappings = _mappings(templates)
    readers = {name: m for name, m in mappings.items() if "StartingPosition" in m}
    assert len(readers) == 2
    for mapping in readers.values():
        assert mapping["StartingPosition"] == "TRIM_HORIZON"
        assert mapping["BatchSize"] == 100
        assert mapping["BisectBatchOnFunctionError"] is True
        assert mapping["MaximumRetryAttempts"] == 10
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert "QueuesFailures" in flat(mapping["DestinationConfig"]["OnFailure"]["Destination"])
        source = named(templates["control-plane"], mapping["EventSourceArn"])
        assert source == "<jobs-stream>"


def test_launch_sees_claims_only(templates: Templates) -> None:
    (launch,) = (m for n, m in _mappings(templates).items() if "JobsToLaunch" in n)
    (pattern,) = (json.loads(f["Pattern"]) for f in launch["FilterCriteria"]["Filters"])
    assert pattern == {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {"NewImage": {"status": {"S": ["STARTING"]}}},
    }


def test_queues_feed_their_functions(templates: Templates) -> None:
    fed = {
        (flat(mapping["EventSourceArn"]), flat(mapping["FunctionName"])): mapping["BatchSize"]
        for mapping in _mappings(templates).values()
        if "StartingPosition" not in mapping
    }
    told = {(_short(queue), _short(function)): size for (queue, function), size in fed.items()}
    assert told == {
        ("QueuesEffects", "FunctionsReconcile"): 10,
        ("QueuesBell", "FunctionsSchedule"): 1,
        ("QueuesTrack", "FunctionsTrack"): 50,
        ("QueuesIntake", "FunctionsIntake"): 10,
    }


def test_a_queue_hides_messages_longer_than_its_function_may_take(templates: Templates) -> None:
    """Lambda refuses the mapping otherwise."""
    template = templates["control-plane"]
    queues = resources(template, "AWS::SQS::Queue")
    functions = resources(template, "AWS::Lambda::Function")
    for mapping in _mappings(templates).values():
        if "StartingPosition" not in mapping:
            queue = queues[mapping["EventSourceArn"]["Fn::GetAtt"][0]]
            function = functions[mapping["FunctionName"]["Ref"]]
            assert queue["VisibilityTimeout"] > function["Timeout"]


def _mappings(templates: Templates) -> dict:
    return resources(templates["control-plane"], "AWS::Lambda::EventSourceMapping")


def _short(told: str) -> str:
    """`${QueuesBell1A2B3C4D.Arn}` → `QueuesBell`."""
    return told.removeprefix("${").removesuffix("}").removesuffix(".Arn")[:-8]
