"""What AWS's refusals mean: later, never, no room, or done before."""

# ruff: noqa: PT011 - that a ValueError is raised is the contract; its words are AWS's

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.stub import Stubber

from lambdas.adapters.aws.inboxes import SqsInboxes
from lambdas.adapters.aws.table import DynamoTable
from lambdas.adapters.aws.tasks import EcsTasks
from lambdas.adapters.meter import Meter
from lambdas.core.errors import (
    CapacityUnavailable,
    TaskConflict,
    TaskRefused,
    Throttled,
    TransactionRefused,
    UnknownResource,
)
from lambdas.core.tables import CATALOG, Delete, Key, Put, Update

Stubbed = tuple[Any, Stubber]


def stubbed(service: str) -> Iterator[Stubbed]:
    client = boto3.client(service, region_name="us-east-1")
    with Stubber(client) as stub:
        yield client, stub


# ── ECS ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def ecs(aws_environment: None) -> Iterator[Stubbed]:
    yield from stubbed("ecs")


REQUEST = {"taskDefinition": "hello:1", "clientToken": "t", "startedBy": "job/run"}


@pytest.mark.parametrize(
    ("code", "words", "meaning"),
    [
        ("ClientException", "You've reached the limit on the number of vCPUs you can run "
         "concurrently", CapacityUnavailable),
        ("ClientException", "You’ve reached the limit on the number of tasks you can run "
         "concurrently", CapacityUnavailable),
        ("ServerException", "Capacity is unavailable at this time. Please try again later or in "
         "a different availability zone", CapacityUnavailable),
        ("InvalidParameterException", "No Container Instances were found in your cluster.",
         CapacityUnavailable),
        ("ClusterNotFoundException", "Cluster not found.", CapacityUnavailable),
        ("ThrottlingException", "Rate exceeded.", Throttled),
        ("ServerException", "Service Unavailable. Please try again later.", Throttled),
        ("RequestLimitExceeded", "", Throttled),
        ("TooManyRequestsException", "", Throttled),
        ("ExpiredTokenException", "The security token is expired", Throttled),
        ("SomethingNew", "said AWS, with a 500", Throttled),
        ("InvalidParameterException", "Container Overrides length must be at most 8192",
         TaskRefused),
        ("InvalidParameterException", "The specified capacity provider FOO was not found.",
         TaskRefused),
        ("ClientException", "TaskDefinition is inactive", TaskRefused),
        ("AccessDeniedException", "not authorized to perform: iam:PassRole", TaskRefused),
        ("PlatformUnknownException", "", TaskRefused),
        ("PlatformTaskDefinitionIncompatibilityException", "", TaskRefused),
        ("UnsupportedFeatureException", "", TaskRefused),
        ("BlockedException", "Your account is blocked.", TaskRefused),
    ],
)  # fmt: skip
def test_an_error_of_run_task(
    ecs: Stubbed, code: str, words: str, meaning: type[Exception]
) -> None:
    client, stub = ecs
    status = 500 if code in ("ServerException", "SomethingNew") else 400
    stub.add_client_error("run_task", code, words, http_status_code=status)
    with pytest.raises(meaning):
        EcsTasks(client, "yard").run(REQUEST)


def test_a_conflict_names_the_task_that_exists(ecs: Stubbed) -> None:
    client, stub = ecs
    stub.add_client_error(
        "run_task", "ConflictException", modeled_fields={"resourceIds": ["arn:task/1"]}
    )
    with pytest.raises(TaskConflict) as conflict:
        EcsTasks(client, "yard").run(REQUEST)
    assert conflict.value.task == "arn:task/1"


@pytest.mark.parametrize(
    ("reason", "meaning"),
    [
        ("RESOURCE:CPU", CapacityUnavailable),
        ("RESOURCE:MEMORY", CapacityUnavailable),
        ("RESOURCE:ENI", CapacityUnavailable),
        ("AGENT", CapacityUnavailable),
        ("MISSING", CapacityUnavailable),
        ("MemberOf placement constraint unsatisfied.", CapacityUnavailable),
        ("Capacity is unavailable at this time.", CapacityUnavailable),
        ("ATTRIBUTE", TaskRefused),
        ("InvalidOverrides", TaskRefused),
    ],
)
def test_a_task_that_was_not_placed(ecs: Stubbed, reason: str, meaning: type[Exception]) -> None:
    client, stub = ecs
    failure = {"arn": "arn:host", "reason": reason, "detail": "more"}
    stub.add_response("run_task", {"tasks": [], "failures": [failure]})
    with pytest.raises(meaning, match=f"{reason}: more"):
        EcsTasks(client, "yard").run(REQUEST)


def test_no_task_and_no_reason_is_no_capacity(ecs: Stubbed) -> None:
    client, stub = ecs
    stub.add_response("run_task", {"tasks": [], "failures": []})
    with pytest.raises(CapacityUnavailable):
        EcsTasks(client, "yard").run(REQUEST)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (ReadTimeoutError(endpoint_url="https://ecs"), Throttled),
        (ConnectTimeoutError(endpoint_url="https://ecs"), Throttled),
    ],
)
def test_no_answer_of_run_task(
    ecs: Stubbed, monkeypatch: pytest.MonkeyPatch, error: Exception, meaning: type[Exception]
) -> None:
    client, _ = ecs

    def silent(**_: Any) -> None:
        raise error

    monkeypatch.setattr(client, "run_task", silent)
    with pytest.raises(meaning):
        EcsTasks(client, "yard").run(REQUEST)


def test_a_request_that_botocore_refuses_is_refused(ecs: Stubbed) -> None:
    client, _ = ecs
    with pytest.raises(TaskRefused):
        EcsTasks(client, "yard").run({"taskDefinition": 5})


def test_stopping_tells_what_is_neither_gone_nor_passing(ecs: Stubbed) -> None:
    client, stub = ecs
    stub.add_client_error("stop_task", "InvalidParameterException", "task was not found")
    EcsTasks(client, "yard").stop("arn", "why")
    stub.add_client_error("stop_task", "AccessDeniedException")
    with pytest.raises(ClientError):
        EcsTasks(client, "yard").stop("arn", "why")
    stub.add_client_error("stop_task", "ThrottlingException")
    with pytest.raises(Throttled):
        EcsTasks(client, "yard").stop("arn", "why")


# ── DynamoDB ──────────────────────────────────────────────────────────────────────────────────

A, B = Key("a", "s"), Key("b", "s")


@pytest.fixture
def dynamodb(aws_environment: None) -> Iterator[Stubbed]:
    yield from stubbed("dynamodb")


def table(client: Any, meter: Meter | None = None) -> DynamoTable:
    return DynamoTable(client, "yard-catalog", CATALOG, meter, pause=lambda seconds: None)


@pytest.mark.parametrize(
    "code",
    [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "InternalServerError",
        "TransactionConflictException",
    ],
)
def test_a_throttled_table(dynamodb: Stubbed, code: str) -> None:
    client, stub = dynamodb
    for operation in ("get_item", "update_item", "delete_item", "query", "transact_write_items"):
        stub.add_client_error(operation, code)
    catalog = table(client)
    with pytest.raises(Throttled):
        catalog.get(A)
    with pytest.raises(Throttled):
        catalog.write(Update(A, put={"n": 1}))
    with pytest.raises(Throttled):
        catalog.write(Delete(A))


def cancelled(stub: Stubber, *codes: str) -> None:
    reasons = [{"Code": code, "Message": f"{code}."} for code in codes]
    stub.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        modeled_fields={"CancellationReasons": reasons},
    )


def test_a_cancelled_transaction_tells_faults_from_conflicts(dynamodb: Stubbed) -> None:
    client, stub = dynamodb
    cancelled(stub, "ConditionalCheckFailed", "None", "TransactionConflict")
    with pytest.raises(TransactionRefused) as refused:
        table(client).transact([Delete(A), Delete(B), Delete(Key("c", "s"))])
    assert refused.value.failed == (0,)
    assert refused.value.conflicted == (2,)


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_throttled_transaction(dynamodb: Stubbed, code: str) -> None:
    client, stub = dynamodb
    cancelled(stub, "None", code)
    with pytest.raises(Throttled):
        table(client).transact([Delete(A), Delete(B)])


def test_a_transaction_that_can_never_be(dynamodb: Stubbed) -> None:
    client, stub = dynamodb
    cancelled(stub, "ValidationError")
    with pytest.raises(ValueError):
        table(client).transact([Delete(A)])


def test_a_table_that_is_not_there_is_our_fault(dynamodb: Stubbed) -> None:
    client, stub = dynamodb
    stub.add_client_error("get_item", "ResourceNotFoundException")
    with pytest.raises(ClientError):
        table(client).get(A)


def wire(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def test_keys_left_unread_are_asked_for_again(dynamodb: Stubbed) -> None:
    client, stub = dynamodb
    left = {"yard-catalog": {"Keys": [wire(B)], "ConsistentRead": True}}
    first = {"Responses": {"yard-catalog": [wire(A)]}, "UnprocessedKeys": left}
    stub.add_response("batch_get_item", first)
    second = {"Responses": {"yard-catalog": [wire(B)]}, "UnprocessedKeys": {}}
    stub.add_response("batch_get_item", second, {"RequestItems": left})
    assert list(table(client).get_many([A, B])) == [A, B]
    for _ in range(6):
        stub.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": left})
    with pytest.raises(Throttled):
        table(client).get_many([B])


def test_the_units_are_those_that_dynamodb_tells(dynamodb: Stubbed) -> None:
    client, stub = dynamodb
    told = {
        "TableName": "yard-catalog",
        "CapacityUnits": 4.0,
        "Table": {"CapacityUnits": 3.0},
        "GlobalSecondaryIndexes": {"by_due": {"CapacityUnits": 1.0}},
    }
    stub.add_response("put_item", {"ConsumedCapacity": told})
    stub.add_response("get_item", {"ConsumedCapacity": {**told, "GlobalSecondaryIndexes": {}}})
    stub.add_response("transact_write_items", {"ConsumedCapacity": [told]})
    meter = Meter()
    catalog = table(client, meter)
    catalog.write(Put({"pk": "a", "sk": "s"}))
    catalog.get(A)
    catalog.transact([Delete(A)])
    rows = [(t.operation, t.index, t.calls, t.write_units, t.read_units) for t in meter.totals()]
    assert rows == [
        ("GetItem", "", 1, 0.0, 3.0),
        ("PutItem", "", 1, 3.0, 0.0),
        ("PutItem", "by_due", 1, 1.0, 0.0),
        ("TransactWriteItems", "", 1, 3.0, 0.0),
        ("TransactWriteItems", "by_due", 1, 1.0, 0.0),
    ]
    assert {tally.table for tally in meter.totals()} == {"catalog"}


def test_numbers_as_step_functions_writes_them_are_whole(dynamodb: Stubbed) -> None:
    client, stub = dynamodb
    item = {**wire(A), "due_at": {"N": "1.7E+12"}, "n": {"N": "-7"}}
    stub.add_response("get_item", {"Item": item})
    found = table(client).get(A)
    assert found == {"pk": "a", "sk": "s", "due_at": 1_700_000_000_000, "n": -7}
    assert type(found["due_at"]) is int


# ── SQS ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def sqs(aws_environment: None) -> Iterator[Stubbed]:
    yield from stubbed("sqs")


def failed(number: str, sender: bool) -> dict[str, Any]:
    return {"Id": number, "SenderFault": sender, "Code": "Why", "Message": "because"}


def test_what_sqs_failed_to_send_is_sent_again(sqs: Stubbed) -> None:
    client, stub = sqs
    ok = {"Successful": [], "Failed": []}
    stub.add_response("send_message_batch", {**ok, "Failed": [failed("1", False)]})
    again = [{"Id": "1", "MessageBody": "b", "DelaySeconds": 0}]
    stub.add_response("send_message_batch", ok, {"QueueUrl": "q", "Entries": again})
    inboxes = SqsInboxes(client, pause=lambda seconds: None)
    inboxes.send("q", ["a", "b"])
    stub.assert_no_pending_responses()
    for _ in range(4):
        stub.add_response("send_message_batch", {**ok, "Failed": [failed("0", False)]})
    with pytest.raises(Throttled):
        inboxes.send("q", ["a"])


def test_a_message_that_sqs_never_takes_is_told(sqs: Stubbed) -> None:
    client, stub = sqs
    stub.add_response("send_message_batch", {"Successful": [], "Failed": [failed("0", True)]})
    with pytest.raises(ValueError):
        SqsInboxes(client).send("q", ["\x00"])


def test_a_queue_that_is_gone(sqs: Stubbed) -> None:
    client, stub = sqs
    stub.add_client_error("receive_message", "AWS.SimpleQueueService.NonExistentQueue")
    with pytest.raises(UnknownResource):
        SqsInboxes(client).take("q", 1)
    stub.add_client_error("create_queue", "QueueDeletedRecently")
    with pytest.raises(Throttled):
        SqsInboxes(client).create("q")
