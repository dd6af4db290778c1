"""The bell queue: SQS FIFO, one message group a cell."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from lambdas.adapters.aws.failures import throttling
from lambdas.adapters.meter import Meter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsBells:
    """Rings the FIFO queue at `queue` (its URL). The body is {"cell": …, "number": …}."""

    def __init__(self, client: SQSClient, queue: str, meter: Meter | None = None) -> None:
        self._client = client
        self._queue = queue
        self._meter = meter

    def ring(self, cell: str, number: int) -> None:
        if self._meter:
            self._meter.count("sqs", "SendMessage")
        with throttling():
            self._client.send_message(
                QueueUrl=self._queue,
                MessageBody=json.dumps({"cell": cell, "number": number}),
                MessageGroupId=cell,
                MessageDeduplicationId=_id(f"{cell}#{number}"),
            )


def _id(text: str) -> str:
    """SQS allows 128 characters, and a cell's name may have as many."""
    return hashlib.sha256(text.encode()).hexdigest()
