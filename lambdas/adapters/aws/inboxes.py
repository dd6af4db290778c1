"""SQS standard queues."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lambdas.adapters.aws.failures import code_of, throttling
from lambdas.adapters.limits import check_messages
from lambdas.adapters.meter import Meter
from lambdas.core.errors import Throttled, UnknownResource
from lambdas.core.inbox import BATCH, MOST_BODY_BYTES, RETENTION_SECONDS, VISIBILITY_SECONDS
from lambdas.core.ports import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_TRIES = 4
_GONE = ("QueueDoesNotExist", "NonExistentQueue")
_EXISTS = ("QueueNameExists", "QueueAlreadyExists")

Entry = dict[str, Any]


class SqsInboxes:
    """Queues by URL; those it makes carry `tags`, are encrypted with `kms_key` or SQS's own, and
    refuse plain HTTP unless `require_tls` is off."""

    def __init__(
        self,
        client: SQSClient,
        meter: Meter | None = None,
        *,
        tags: Mapping[str, str] | None = None,
        kms_key: str = "",
        require_tls: bool = True,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._meter = meter
        self._tags = dict(tags or {})
        self._kms_key = kms_key
        self._require_tls = require_tls
        self._pause = pause

    def send(self, queue: str, bodies: Sequence[str], delay: int = 0) -> None:
        check_messages(bodies, delay)
        entries = [{"MessageBody": body, "DelaySeconds": delay} for body in bodies]
        for batch in _batches(entries):
            self._all("SendMessageBatch", self._client.send_message_batch, queue, batch)

    def take(self, queue: str, limit: int) -> list[Message]:
        messages: list[Message] = []
        while len(messages) < limit:
            page = self._receive(queue, min(BATCH, limit - len(messages)))
            if not page:
                break
            messages += page
        return messages

    def create(self, name: str) -> str:
        attributes = self._attributes()
        with throttling():
            url = self._create(name, attributes)
            arn = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            if self._require_tls:
                attributes["Policy"] = _tls_only(arn["Attributes"]["QueueArn"])
            self._client.set_queue_attributes(QueueUrl=url, Attributes=attributes)
        self._count("GetQueueAttributes")
        self._count("SetQueueAttributes")
        return url

    def remove(self, queue: str) -> None:
        self._count("DeleteQueue")
        try:
            with throttling():
                self._client.delete_queue(QueueUrl=queue)
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise

    def acknowledge(self, queue: str, receipts: Sequence[str]) -> None:
        entries = [{"ReceiptHandle": receipt} for receipt in receipts]
        for batch in _batches(entries):
            self._all(
                "DeleteMessageBatch",
                self._client.delete_message_batch,
                queue,
                batch,
                lenient=True,
            )

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _all(
        self,
        operation: str,
        call: Callable[..., Any],
        queue: str,
        entries: list[Entry],
        lenient: bool = False,
    ) -> None:
        """Make a batch call until no entry is left that SQS was at fault for. Raises Throttled."""
        left = [{"Id": str(number), **entry} for number, entry in enumerate(entries)]
        for attempt in range(_TRIES):
            if attempt:
                self._pause(0.1 * 2**attempt)
            self._count(operation)
            with throttling(), _known(queue):
                failed = call(QueueUrl=queue, Entries=left).get("Failed", ())
            refused = [entry for entry in failed if entry.get("SenderFault")]
            if refused and not lenient:
                raise ValueError(f"SQS refused a message: {refused[0].get('Message')}")
            again = {entry["Id"] for entry in failed if not entry.get("SenderFault")}
            left = [entry for entry in left if entry["Id"] in again]
            if not left:
                return
        raise Throttled(f"{operation} left {len(left)} messages undone {_TRIES} times")

    def _receive(self, queue: str, most: int) -> list[Message]:
        self._count("ReceiveMessage")
        with throttling(), _known(queue):
            answer = self._client.receive_message(
                QueueUrl=queue,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=0,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [
            Message(m["Body"], m["ReceiptHandle"], int(m["Attributes"]["ApproximateReceiveCount"]))
            for m in answer.get("Messages", ())
        ]

    def _create(self, name: str, attributes: Mapping[Any, str]) -> str:
        self._count("CreateQueue")
        try:
            made = self._client.create_queue(
                QueueName=name, Attributes={**attributes}, tags=self._tags
            )
            return made["QueueUrl"]
        except ClientError as error:
            if code_of(error) == "QueueDeletedRecently":
                raise Throttled(f"queue {name} was deleted a moment ago") from error
            if code_of(error) not in _EXISTS:
                raise
        self._count("GetQueueUrl")
        return self._client.get_queue_url(QueueName=name)["QueueUrl"]

    def _attributes(self) -> dict[Any, str]:
        encryption = (
            {"KmsMasterKeyId": self._kms_key} if self._kms_key else {"SqsManagedSseEnabled": "true"}
        )
        return {
            "MessageRetentionPeriod": str(RETENTION_SECONDS),
            "VisibilityTimeout": str(VISIBILITY_SECONDS),
            **encryption,
        }

    def _count(self, operation: str) -> None:
        if self._meter:
            self._meter.count("sqs", operation)


@contextmanager
def _known(queue: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error) in _GONE:
            raise UnknownResource(f"SQS queue {queue} does not exist.") from error
        raise


def _batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """At most 10 entries and 256 KB a call."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        more = len(entry.get("MessageBody", "").encode())
        if batch and (len(batch) == BATCH or size + more > MOST_BODY_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += more
    if batch:
        yield batch


def _tls_only(arn: str) -> str:
    """Nobody speaks to the queue in plain text."""
    statement = {
        "Sid": "DenyPlainText",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
