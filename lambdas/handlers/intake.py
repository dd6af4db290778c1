"""`intake`: fed with events by SQS; each becomes a job, or a rejected record with its reason."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from lambdas.bootstrap import intake, journal
from lambdas.handlers.counted import counted


@counted
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    def take(record: SQSRecord) -> None:
        try:
            intake().take(record.body, record.message_id)
        except Exception as error:
            journal().warn("event put back", message=record.message_id, error=repr(error))
            raise

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return dict(process_partial_response(event, take, processor))
