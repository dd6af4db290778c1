"""Each alarm watches something that exists and names a runbook that is written."""

from __future__ import annotations

import re
from pathlib import Path

from lambdas.adapters.aws.journal import NAMESPACE
from stacks import costs
from tests.infrastructure.conftest import Templates
from tests.infrastructure.reading import flat, named, resources

RUNBOOKS = Path(__file__).resolve().parents[2] / "docs" / "runbooks.md"


def _alarms(templates: Templates) -> dict[str, dict]:
    found = resources(templates["observability"], "AWS::CloudWatch::Alarm").values()
    return {alarm["AlarmName"].removeprefix("batchyard-"): dict(alarm) for alarm in found}


def test_every_alarm_names_a_runbook_that_is_written(templates: Templates) -> None:
    written = set(re.findall(r"^## (\S.*)$", RUNBOOKS.read_text(), re.MULTILINE))
    anchors = {title.lower().replace(" ", "-") for title in written}
    used = set()
    for name, alarm in _alarms(templates).items():
        found = re.search(r"Runbook: docs/runbooks\.md#([a-z-]+)$", alarm["AlarmDescription"])
        assert found, name
        assert found[1] in anchors, name
        used.add(found[1])
    assert used == anchors, "a runbook that no alarm names"


def test_what_is_watched(templates: Templates) -> None:
    functions = ("api", "intake", "relay", "schedule", "launch", "track", "reconcile", "declare")
    queues = ("bell-dead", "track-dead", "intake-dead", "failures", "rejected")
    assert set(_alarms(templates)) == {
        *(f"{name}-errors" for name in functions),
        *(f"{name}-not-empty" for name in queues),
        *("relay-behind", "launch-behind", "overdue", "reconcile-silent"),
        *("throttles", "waits-failed", "jobs-table-throttled"),
    }


def test_silence_of_reconcile_is_alarming_and_other_silence_is_not(templates: Templates) -> None:
    for name, alarm in _alarms(templates).items():
        silent = name == "reconcile-silent"
        assert alarm["TreatMissingData"] == ("breaching" if silent else "notBreaching")
    silent = _alarms(templates)["reconcile-silent"]
    assert silent["ComparisonOperator"] == "LessThanThreshold"
    assert silent["Period"] * silent["EvaluationPeriods"] == 300


def test_the_oldest_overdue_effect_is_the_metric_that_reconcile_writes(
    templates: Templates,
) -> None:
    alarm = _alarms(templates)["overdue"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (NAMESPACE, "OldestOverdueSeconds")
    dimensions = {d["Name"]: flat(d["Value"]) for d in alarm["Dimensions"]}
    assert dimensions == {"deployment": "batchyard", "service": "batchyard-reconcile"}


def test_every_dead_letter_queue_is_watched(templates: Templates) -> None:
    template = templates["control-plane"]
    dead = {
        queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for queue in resources(template, "AWS::SQS::Queue").values()
        if "RedrivePolicy" in queue
    }
    handed = {
        parameter["Name"].removeprefix("/batchyard/batchyard/"): parameter["Value"]
        for parameter in resources(template, "AWS::SSM::Parameter").values()
    }
    watched = {
        handed[flat_name]["Fn::GetAtt"][0]
        for alarm in _alarms(templates).values()
        if alarm["Namespace"] == "AWS/SQS"
        for flat_name in [
            named(templates["observability"], alarm["Dimensions"][0]["Value"]).strip("<>")
        ]
    }
    assert dead < watched


def test_alarms_notify_the_topics_of_the_deployer(synthesize) -> None:
    topic = "arn:aws:sns:us-east-1:111122223333:on-call"
    for alarm in _alarms(synthesize({"batchyard:alarmTopics": [topic]})).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic]


def test_the_printed_cost_counts_the_alarms_there_are(templates: Templates) -> None:
    assert len(_alarms(templates)) == costs.ALARMS
