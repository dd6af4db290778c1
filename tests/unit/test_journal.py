"""The journal on Powertools: structured, bounded, and never in the way."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from lambdas.adapters.aws.journal import PowertoolsJournal


@pytest.fixture
def lines() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def journal(lines: io.StringIO, request: pytest.FixtureRequest) -> PowertoolsJournal:
    """A logger is the process's own: each test has another, with its own lines."""
    logger = Logger(service=request.node.name, stream=lines)
    return PowertoolsJournal("launch", "yard", logger)


def last(lines: io.StringIO) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(lines.getvalue().splitlines()[-1])
    return told


def test_a_line_says_what_happened_and_its_facts(
    journal: PowertoolsJournal, lines: io.StringIO
) -> None:
    journal.note("launched", job="j", attempt=2)
    told = last(lines)
    assert (told["level"], told["message"]) == ("INFO", "launched")
    assert (told["job"], told["attempt"]) == ("j", 2)
    journal.warn("debt not paid")
    assert last(lines)["level"] == "WARNING"


def test_a_fact_may_have_any_name_and_value(journal: PowertoolsJournal, lines: io.StringIO) -> None:
    journal.note("odd", name="n", message="m", args=1, module=None, thing=object(), long="x" * 5000)
    told = last(lines)
    assert told["message"] == "odd"
    assert (told["name_"], told["message_"], told["args_"]) == ("n", "m", 1)
    assert len(told["long"]) == 1001


def test_a_line_that_cannot_be_written_harms_nobody() -> None:
    broken = io.StringIO()
    broken.close()
    journal = PowertoolsJournal("launch", "yard", Logger(service="broken", stream=broken))
    journal.note("launched")


def test_counts_are_one_line_an_invocation(
    journal: PowertoolsJournal, capsys: pytest.CaptureFixture[str]
) -> None:
    journal.count("Launched")
    journal.count("Launched", 2)
    journal.count("Refused")
    journal.flush()
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["Launched"], told["Refused"]) == ([3.0], [1.0])
    (metrics,) = told["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "Batchyard"
    assert sorted(metrics["Dimensions"][0]) == ["deployment", "service"]
    journal.flush()
    assert capsys.readouterr().out == ""
