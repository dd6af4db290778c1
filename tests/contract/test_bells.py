"""The Bells port: one message for each number of a cell, in order."""

from __future__ import annotations

import json
from collections.abc import Callable

import boto3
import pytest

from lambdas.adapters.aws.bells import SqsBells
from lambdas.adapters.memory.bells import MemoryBells
from lambdas.adapters.memory.clock import VirtualClock
from lambdas.core.ports import Bells

Heard = Callable[[], list[tuple[str, int]]]


@pytest.fixture
def belfry(where: str, clock: VirtualClock) -> tuple[Bells, Heard]:
    """A bell queue, and what is heard of it, one message after the other."""
    if where == "memory":
        bells = MemoryBells(clock)
        return bells, lambda: list(iter(bells.take, None))
    client = boto3.client("sqs")
    queue = client.create_queue(QueueName="bell.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]

    def heard() -> list[tuple[str, int]]:
        found = []
        while messages := client.receive_message(QueueUrl=queue).get("Messages"):
            body = json.loads(messages[0]["Body"])
            found.append((body["cell"], body["number"]))
            client.delete_message(QueueUrl=queue, ReceiptHandle=messages[0]["ReceiptHandle"])
        return found

    return SqsBells(client, queue), heard


def test_bells_are_heard_in_order(belfry: tuple[Bells, Heard]) -> None:
    bells, heard = belfry
    bells.ring("fargate", 1)
    bells.ring("fargate", 2)
    bells.ring("spot", 1)
    assert [number for cell, number in heard() if cell == "fargate"] == [1, 2]


def test_the_same_number_is_one_message(belfry: tuple[Bells, Heard]) -> None:
    bells, heard = belfry
    bells.ring("fargate", 1)
    bells.ring("fargate", 1)
    assert heard() == [("fargate", 1)]


def test_a_cell_may_have_the_longest_of_names(belfry: tuple[Bells, Heard]) -> None:
    bells, heard = belfry
    bells.ring("x" * 128, 10**9)
    assert heard() == [("x" * 128, 10**9)]


def test_five_minutes_later_it_is_another_message(clock: VirtualClock) -> None:
    bells = MemoryBells(clock)
    bells.ring("fargate", 1)
    assert bells.take() == ("fargate", 1)
    clock.advance(5 * 60_000 - 1)
    bells.ring("fargate", 1)
    assert bells.take() is None
    clock.advance(1)
    bells.ring("fargate", 1)
    assert bells.take() == ("fargate", 1)
