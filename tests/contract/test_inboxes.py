"""The Inboxes port: standard queues."""

# ruff: noqa: PT011 - that both raise a ValueError is the contract; its words are not

from __future__ import annotations

import json

import boto3
import pytest

from lambdas.adapters.aws.inboxes import SqsInboxes
from lambdas.adapters.memory.clock import VirtualClock
from lambdas.adapters.memory.inboxes import MemoryInboxes
from lambdas.core.errors import UnknownResource
from lambdas.core.inbox import RETENTION_SECONDS, VISIBILITY_SECONDS
from lambdas.core.ports import Inboxes

aws_only = pytest.mark.senseless("memory", "is about what SQS is asked for")

# ── on both ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def queue(inboxes: Inboxes) -> str:
    return inboxes.create("yard-high")


def bodies(inboxes: Inboxes, queue: str, limit: int = 100) -> list[str]:
    return sorted(message.body for message in inboxes.take(queue, limit))


def test_what_is_sent_is_taken_and_acknowledged(inboxes: Inboxes, queue: str) -> None:
    sent = [f"ticket {n} é" for n in range(35)]
    inboxes.send(queue, sent)
    taken = inboxes.take(queue, 100)
    assert sorted(message.body for message in taken) == sorted(sent)
    assert {message.seen for message in taken} == {1}
    assert inboxes.take(queue, 100) == []
    inboxes.acknowledge(queue, [message.receipt for message in taken])
    assert inboxes.take(queue, 100) == []


def test_no_more_is_taken_than_asked_for(inboxes: Inboxes, queue: str) -> None:
    inboxes.send(queue, [str(n) for n in range(15)])
    assert [len(inboxes.take(queue, most)) for most in (12, 1, 12)] == [12, 1, 2]


def test_nothing_sent_is_nothing(inboxes: Inboxes, queue: str) -> None:
    inboxes.send(queue, [])
    inboxes.acknowledge(queue, [])
    assert inboxes.take(queue, 10) == []


def test_a_delayed_message_is_not_there_yet(inboxes: Inboxes, queue: str) -> None:
    inboxes.send(queue, ["later"], delay=900)
    assert inboxes.take(queue, 10) == []


@pytest.mark.parametrize("delay", [-1, 901])
def test_a_delay_is_at_most_15_minutes(inboxes: Inboxes, queue: str, delay: int) -> None:
    with pytest.raises(ValueError):
        inboxes.send(queue, ["x"], delay=delay)


@pytest.mark.parametrize("body", ["", "x" * (256 * 1024 + 1)])
def test_a_body_is_neither_empty_nor_huge(inboxes: Inboxes, queue: str, body: str) -> None:
    with pytest.raises(ValueError):
        inboxes.send(queue, ["fine", body])
    assert inboxes.take(queue, 10) == []


def test_large_bodies_go_in_several_calls(inboxes: Inboxes, queue: str) -> None:
    large = [letter * 200_000 for letter in "abc"]
    inboxes.send(queue, large)
    assert bodies(inboxes, queue) == large


def test_creating_a_queue_again_is_the_same_queue(inboxes: Inboxes, queue: str) -> None:
    inboxes.send(queue, ["kept"])
    assert inboxes.create("yard-high") == queue
    assert bodies(inboxes, queue) == ["kept"]


def test_queues_do_not_mix(inboxes: Inboxes, queue: str) -> None:
    other = inboxes.create("yard-low")
    inboxes.send(queue, ["high"])
    assert bodies(inboxes, other) == []
    assert bodies(inboxes, queue) == ["high"]


def test_a_removed_queue_is_gone_and_removing_it_again_is_no_error(
    inboxes: Inboxes, queue: str
) -> None:
    inboxes.remove(queue)
    inboxes.remove(queue)
    with pytest.raises(UnknownResource):
        inboxes.send(queue, ["x"])
    with pytest.raises(UnknownResource):
        inboxes.take(queue, 1)


def test_an_acknowledgement_twice_is_no_error(inboxes: Inboxes, queue: str) -> None:
    inboxes.send(queue, ["x"])
    receipts = [message.receipt for message in inboxes.take(queue, 1)]
    inboxes.acknowledge(queue, receipts)
    inboxes.acknowledge(queue, receipts)


@aws_only
def test_a_message_that_comes_again_says_so(inboxes: Inboxes, queue: str) -> None:
    inboxes.send(queue, ["x"])
    (first,) = inboxes.take(queue, 1)
    client = boto3.client("sqs")
    client.change_message_visibility(
        QueueUrl=queue, ReceiptHandle=first.receipt, VisibilityTimeout=0
    )
    (again,) = inboxes.take(queue, 1)
    assert (again.body, again.seen) == ("x", 2)
    inboxes.acknowledge(queue, [again.receipt])
    assert inboxes.take(queue, 1) == []


# ── time, in memory ───────────────────────────────────────────────────────────────────────────


def test_what_is_not_acknowledged_comes_again(clock: VirtualClock) -> None:
    inboxes = MemoryInboxes(clock)
    queue = inboxes.create("q")
    inboxes.send(queue, ["a", "b"])
    first, second = inboxes.take(queue, 2)
    inboxes.acknowledge(queue, [second.receipt])
    clock.advance(VISIBILITY_SECONDS * 1000 - 1)
    assert inboxes.take(queue, 2) == []
    clock.advance(1)
    (again,) = inboxes.take(queue, 2)
    assert (again.body, again.seen) == ("a", 2)
    inboxes.acknowledge(queue, [first.receipt])  # expired: no error, and no effect
    assert inboxes.depth(queue) == 1
    inboxes.acknowledge(queue, [again.receipt])
    clock.advance(VISIBILITY_SECONDS * 1000)
    assert inboxes.take(queue, 2) == []
    assert inboxes.depth(queue) == 0


def test_a_delay_ends(clock: VirtualClock) -> None:
    inboxes = MemoryInboxes(clock)
    queue = inboxes.create("q")
    inboxes.send(queue, ["x"], delay=30)
    clock.advance(29_999)
    assert inboxes.take(queue, 1) == []
    clock.advance(1)
    assert bodies(inboxes, queue) == ["x"]


def test_sqs_forgets_after_14_days(clock: VirtualClock) -> None:
    inboxes = MemoryInboxes(clock)
    queue = inboxes.create("q")
    inboxes.send(queue, ["x"])
    clock.advance(RETENTION_SECONDS * 1000 + 1)
    assert inboxes.take(queue, 1) == []


# ── what SQS is asked for ─────────────────────────────────────────────────────────────────────


@aws_only
def test_a_queue_is_encrypted_tagged_and_refuses_plain_text(inboxes: Inboxes, queue: str) -> None:
    client = boto3.client("sqs")
    held = client.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert held["MessageRetentionPeriod"] == str(14 * 24 * 3600)
    assert held["VisibilityTimeout"] == str(VISIBILITY_SECONDS)
    assert held["SqsManagedSseEnabled"] == "true"
    (statement,) = json.loads(held["Policy"])["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Resource"] == held["QueueArn"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    tags = client.list_queue_tags(QueueUrl=queue)["Tags"]
    assert tags == {"batchyard:deployment": "yard"}


@aws_only
def test_a_key_of_the_deployers_encrypts(where: str) -> None:
    client = boto3.client("sqs")
    queue = SqsInboxes(client, kms_key="alias/yard").create("q")
    held = client.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert held["KmsMasterKeyId"] == "alias/yard"


@aws_only
def test_a_queue_with_other_attributes_is_put_right(where: str) -> None:
    client = boto3.client("sqs")
    client.create_queue(QueueName="q", Attributes={"MessageRetentionPeriod": "60"})
    queue = SqsInboxes(client).create("q")
    held = client.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert held["MessageRetentionPeriod"] == str(14 * 24 * 3600)
