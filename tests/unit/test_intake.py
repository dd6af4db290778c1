"""Events become jobs: each once, with what the upload says, or a rejection that says why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.adapters.aws.batch_model import batch_model
from lambdas.core import rules
from lambdas.core.errors import ServerError, Throttled, TooManyRequests
from lambdas.core.triggers import Trigger, Upload, job_name
from lambdas.services.catalog_entries import Author
from lambdas.services.intake import IntakeService
from lambdas.services.triggers import TriggerService
from simulator.world import World

BODY = {"jobName": "hello", "jobQueue": "default", "jobDefinition": "task"}
STACK = Author("stack", declared_by="stack#Weather")


class Intake:
    """A deployment in memory, and its intake."""

    def __init__(self) -> None:
        self.world = World()
        self.world.environment()
        self.world.queue()
        self.world.definition()
        self.triggers = TriggerService(self.world.tables.catalog)
        self.service = self.over(self.world.platform.submit)

    def over(self, submits: Any) -> IntakeService:
        return IntakeService(
            submits=submits,
            model=batch_model(),
            triggers=self.triggers,
            inboxes=self.world.inboxes,
            journal=self.world.journal,
            rejected_queue=self.world.settings.rejected_queue,
        )

    def trigger(self, trigger: str = "weather", **more: Any) -> None:
        detail = {"id": trigger, "bucket": "in", "prefix": "weather/", "submitJob": dict(BODY)}
        self.triggers.declare({**detail, **more}, STACK)

    def take(self, event: Any) -> None:
        self.service.take(event if isinstance(event, str) else json.dumps(event), "m-1")

    def jobs(self) -> list[dict[str, Any]]:
        """Every job there is, as described; the newest last."""
        items = [i for i in self.world.tables.jobs.scan() if i["sk"] == "STATE"]
        return [self.world.describe(i["id"]) for i in items]

    def rejected(self) -> list[dict[str, Any]]:
        queue = self.world.settings.rejected_queue
        return [json.loads(m.body) for m in self.world.inboxes.take(queue, 100)]


@pytest.fixture
def intake() -> Intake:
    return Intake()


def asked(detail: Any = None, event_id: str = "e-1", **more: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "Submit Job",
        "source": "my.app",
        "account": "123456789012",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": BODY if detail is None else detail,
        **more,
    }


def uploaded(key: str = "weather/seattle.csv", bucket: str = "in", **more: Any) -> dict[str, Any]:
    found = {"key": key, "size": 48219, "etag": "abc", "sequencer": "0055AED6DCD90281E5", **more}
    detail = {"version": "0", "bucket": {"name": bucket}, "object": found, "reason": "PutObject"}
    return asked(detail, **{"detail-type": "Object Created", "source": "aws.s3"})


def variables(job: dict[str, Any]) -> dict[str, str]:
    return {v["name"]: v["value"] for v in job["container"]["environment"]}


# ── submissions ───────────────────────────────────────────────────────────────────────────────


def test_an_event_becomes_the_job_that_it_describes(intake):
    intake.take(asked({**BODY, "parameters": {"city": "Seattle"}}))
    (job,) = intake.jobs()
    assert (job["jobName"], job["status"]) == ("hello", "RUNNABLE")
    assert job["parameters"] == {"city": "Seattle"}
    assert intake.rejected() == []


def test_the_same_event_twice_is_one_job(intake):
    intake.take(asked())
    intake.take(asked())
    assert len(intake.jobs()) == 1


def test_two_events_are_two_jobs_unless_they_share_a_client_token(intake):
    intake.take(asked(event_id="e-1"))
    intake.take(asked(event_id="e-2"))
    assert len(intake.jobs()) == 2
    for event_id in ("e-3", "e-4"):
        intake.take(asked({**BODY, "clientToken": "mine"}, event_id))
    assert len(intake.jobs()) == 3


def test_one_token_with_another_request_is_rejected(intake):
    intake.take(asked({**BODY, "clientToken": "mine"}))
    intake.take(asked({**BODY, "clientToken": "mine", "jobName": "other"}, "e-2"))
    assert len(intake.jobs()) == 1
    assert len(intake.rejected()) == 1


def test_tokens_of_different_sources_do_not_meet(intake):
    for source in ("my.app", "your.app"):
        intake.take(asked({**BODY, "clientToken": "mine"}, source=source))
    assert len(intake.jobs()) == 2


# ── rejections ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("{not json", "is not JSON"),
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"detail": {"jobName": "\\ud800"}}', "is not JSON"),
        ([1, 2], "no object named detail"),
        ({"id": "e"}, "no object named detail"),
        (asked("text"), "no object named detail"),
        (asked(**{"detail-type": "Do Something"}), "'Submit Job'"),
        (asked(**{"detail-type": "Object Created"}), "'Submit Job'"),
        (asked({**BODY, "jobQueue": "no-such"}), "no-such"),
        (asked({**BODY, "jobDefinition": "no-such"}), "no-such"),
        (asked({**BODY, "jobName": "-; rm -rf /"}), "jobName"),
        (asked({**BODY, "jobName": 7}), "jobName is 7"),
        (asked({**BODY, "retries": 3}), "'retries' is not a field"),
        (asked({"jobName": "a"}), "is required"),
        (asked({**BODY, "dependsOn": [{"jobId": "0" * 8 + "-0000-0000-0000-" + "0" * 12}]}), "no such"),
        (asked({**BODY, "clientToken": 5}), "clientToken"),
        (asked({**BODY, "clientToken": "x" * 129}), "clientToken"),
        (asked(id=None), "id is null"),
    ],
)  # fmt: skip
def test_what_can_never_become_a_job_is_rejected_with_the_reason(intake, event, reason):
    intake.take(event)
    (record,) = intake.rejected()
    assert reason in record["reason"]
    assert record["event"] == (event if isinstance(event, str) else json.dumps(event))
    assert record["message"] == "m-1"
    assert intake.jobs() == []
    assert intake.world.journal.counts["EventsRejected"] == 1


def test_a_rejection_says_where_the_event_came_from(intake):
    intake.take(asked({"jobName": "a"}))
    (record,) = intake.rejected()
    assert (record["event_source"], record["event_id"]) == ("my.app", "e-1")
    assert record["event_detail_type"] == "Submit Job"


def test_an_event_too_large_to_wrap_is_rejected_cut(intake):
    intake.take("\x01" * 250_000)
    (record,) = intake.rejected()
    assert record["cut"] is True
    assert len(record["event"]) > 10_000


@pytest.mark.parametrize("error", [Throttled("later"), TooManyRequests("later"), ServerError("x")])
def test_what_failed_for_now_is_left_to_be_delivered_again(intake, error):
    class Busy:
        def submit(self, body, caller, token):
            raise error

    with pytest.raises(type(error)):
        intake.over(Busy()).take(json.dumps(asked()))
    assert intake.rejected() == []


# ── uploads ───────────────────────────────────────────────────────────────────────────────────


def test_an_upload_becomes_the_job_of_its_trigger(intake):
    environment = [
        {"name": "CITY", "value": "Seattle"},
        {"name": "BATCHYARD_INPUT_KEY", "value": "?"},
    ]
    template = {
        **BODY,
        "containerOverrides": {"environment": environment},
        "parameters": {"a": "b"},
    }
    intake.trigger(submitJob=template)
    intake.take(uploaded(**{"version-id": "v7"}))
    (job,) = intake.jobs()
    assert job["jobName"] == "hello-seattle-csv"
    assert job["parameters"] == {
        "a": "b",
        "inputBucket": "in",
        "inputKey": "weather/seattle.csv",
        "inputVersion": "v7",
        "inputEtag": "abc",
        "inputSize": "48219",
    }
    assert variables(job) == {
        "CITY": "Seattle",
        "BATCHYARD_INPUT_BUCKET": "in",
        "BATCHYARD_INPUT_KEY": "weather/seattle.csv",
        "BATCHYARD_INPUT_VERSION": "v7",
        "BATCHYARD_INPUT_ETAG": "abc",
        "BATCHYARD_INPUT_SIZE": "48219",
    }


def test_an_upload_told_twice_is_one_job_and_uploaded_again_two(intake):
    intake.trigger()
    intake.take(uploaded())
    intake.take({**uploaded(), "id": "another-delivery"})
    assert len(intake.jobs()) == 1
    intake.take(uploaded(sequencer="0055AED6DCD90281E6"))
    assert len(intake.jobs()) == 2


def test_every_trigger_that_matches_makes_a_job(intake):
    intake.trigger("one")
    intake.trigger("two", suffix=".csv")
    intake.trigger("three", suffix=".parquet")
    intake.trigger("four", prefix="other/")
    intake.trigger("five", bucket="in-2")
    intake.take(uploaded())
    assert len(intake.jobs()) == 2


def test_an_upload_that_nobody_waits_for_is_no_rejection(intake):
    intake.trigger()
    intake.take(uploaded(bucket="elsewhere"))
    assert intake.jobs() == []
    assert intake.rejected() == []


def test_a_trigger_of_a_queue_that_is_gone_rejects_naming_it(intake):
    intake.trigger(submitJob={**BODY, "jobQueue": "gone"})
    intake.take(uploaded())
    (record,) = intake.rejected()
    assert record["trigger"] == "weather"
    assert "gone" in record["reason"]


def test_a_trigger_changed_between_two_deliveries_does_not_reject_the_second(intake):
    intake.trigger()
    intake.take(uploaded())
    intake.trigger(submitJob={**BODY, "jobName": "renamed"})
    intake.take(uploaded())
    assert len(intake.jobs()) == 1
    assert intake.rejected() == []


@pytest.mark.parametrize("detail", [{}, {"bucket": {"name": "in"}}, {"bucket": "in", "object": {}}])
def test_an_upload_without_an_object_is_rejected(intake, detail):
    intake.trigger()
    intake.take(asked(detail, **{"detail-type": "Object Created", "source": "aws.s3"}))
    assert len(intake.rejected()) == 1


@pytest.mark.parametrize(
    "key",
    [
        "weather/ünï cødé 天気 🌦.csv",
        "weather/a+b%20c&d=e?f#g.csv",
        "weather/'; drop table jobs; --.csv",
        "weather/$(reboot)`id`.csv",
        "weather/../../etc/passwd",
        "weather/line\nbreak\t.csv",
        "weather/" + "x" * 1000,
        "weather/",
        "weather/Ref::inputKey",
    ],
)
def test_odd_keys_reach_the_job_as_they_are(intake, key):
    intake.trigger()
    intake.take(uploaded(key))
    (job,) = intake.jobs()
    assert variables(job)["BATCHYARD_INPUT_KEY"] == key
    assert job["parameters"]["inputKey"] == key
    rules.name("jobName", job["jobName"])


def test_a_key_that_no_process_can_be_given_is_rejected(intake):
    intake.trigger()
    intake.take(uploaded("weather/\0.csv"))
    assert len(intake.rejected()) == 1


@given(st.text(max_size=200))
def test_any_key_makes_a_job_name_that_batch_accepts(key):
    rules.name("jobName", job_name("weather", key))
    rules.name("jobName", job_name("w" * 128, key))


@given(st.text(max_size=5), st.text(max_size=5), st.text(min_size=1, max_size=8))
def test_prefix_and_suffix_share_no_character(prefix, suffix, key):
    trigger = Trigger(id="t", bucket="b", prefix=prefix, suffix=suffix, request={})
    fits = any(
        key == prefix + key[len(prefix) : n] + suffix for n in range(len(prefix), len(key) + 1)
    )
    assert trigger.matches(Upload(bucket="b", key=key)) == fits
