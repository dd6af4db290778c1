"""Batches of SQS messages, one at a time, with a partial answer (Powertools' batch utility).

A message that can never be read is logged, counted and acknowledged; one that failed for now is
reported, so that SQS alone brings it back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from lambdas.core.ports import Journal

Answer = Mapping[str, Any]


def each_message(
    event: dict[str, Any], do: Callable[[dict[str, Any]], None], journal: Journal
) -> Answer:
    """Call `do` with the JSON object of every record; answer with the records that raised."""

    def handle(record: SQSRecord) -> None:
        body = _object(record.body)
        if body is None:
            journal.warn("malformed message", message=record.message_id, body=record.body[:200])
            journal.count("MalformedMessages")
            return
        try:
            do(body)
        except Exception as error:
            journal.warn("message put back", message=record.message_id, error=repr(error))
            raise

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    answer: Answer = process_partial_response(event, handle, processor)
    return answer


def together(
    event: dict[str, Any], do: Callable[[list[dict[str, Any]]], Iterable[int]], journal: Journal
) -> Answer:
    """Call `do` once with the JSON objects of all records; answer with those whose positions it
    gives back as failed, or with all when it raises."""
    messages = []
    for record in event["Records"]:
        body = _object(record["body"])
        if body is None:
            journal.warn(
                "malformed message", message=record["messageId"], body=record["body"][:200]
            )
            journal.count("MalformedMessages")
        else:
            messages.append((record["messageId"], body))
    try:
        failed = set(do([body for _, body in messages]))
    except Exception as error:
        journal.warn("messages put back", messages=len(messages), error=repr(error))
        failed = set(range(len(messages)))
    back = [{"itemIdentifier": messages[at][0]} for at in sorted(failed)]
    return {"batchItemFailures": back}


def _object(text: str) -> dict[str, Any] | None:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
