"""A DynamoDB table, at boto3's client level."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lambdas.adapters.aws.expressions import (
    key_wire,
    keys_wire,
    query_request,
    write_request,
)
from lambdas.adapters.aws.failures import THROTTLES, code_of, message_of, throttling
from lambdas.adapters.aws.units import Units
from lambdas.adapters.aws.wire import from_wire, value_to_wire
from lambdas.adapters.meter import Meter
from lambdas.adapters.rules import (
    PAGE_ITEMS,
    Place,
    Rules,
    check_key,
    check_transaction,
    cursor_of,
    place_after,
    place_of,
    plain,
)
from lambdas.core.errors import ConditionFailed, Throttled, TransactionRefused
from lambdas.core.tables import (
    Check,
    Delete,
    IndexSchema,
    Item,
    Key,
    Page,
    Put,
    Query,
    TableSchema,
    Update,
    Write,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BATCH = 100
_TRIES = 6
_ACTIONS: Mapping[type, str] = {
    Put: "Put",
    Update: "Update",
    Delete: "Delete",
    Check: "ConditionCheck",
}


class DynamoTable:
    """One table by its real name; counts the units DynamoDB says it consumed when given a meter."""

    def __init__(
        self,
        client: DynamoDBClient,
        name: str,
        schema: TableSchema,
        meter: Meter | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.schema = schema
        self.name = name
        self.rules = Rules(schema)
        self._client = client
        self._units = Units(meter, {name: schema.name})
        self._pause = pause

    def get(self, key: Key) -> Item | None:
        check_key(key)
        with throttling():
            answer = self._client.get_item(
                TableName=self.name, Key=key_wire(key), ConsistentRead=True, **self._units.wanted
            )
        self._units.read("GetItem", answer)
        return from_wire(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        distinct = list(dict.fromkeys(keys))
        for key in distinct:
            check_key(key)
        found: dict[Key, Item] = {}
        for start in range(0, len(distinct), _BATCH):
            self._get_batch(keys_wire(distinct[start : start + _BATCH]), found)
        return {key: found[key] for key in distinct if key in found}

    def write(self, write: Write) -> Item | None:
        if isinstance(write, Check):
            raise ValueError("a Check belongs in a transaction")
        self.rules.check_write(write)
        request = write_request(write) | {"TableName": self.name} | self._units.wanted
        operation = f"{type(write).__name__}Item"
        try:
            with throttling():
                answer = self._call(write, request)
        except ClientError as error:
            raise self._refusal(operation, error) from error
        self._units.write(operation, answer)
        if isinstance(write, Put):
            stored: Item = plain(write.item)
            return stored
        return from_wire(answer["Attributes"]) if isinstance(write, Update) else None

    def transact(self, writes: Sequence[Write]) -> None:
        check_transaction([(self.rules, write) for write in writes])
        actions = [action(self.name, write) for write in writes]
        transact(self._client, actions, self._units)

    def query(self, query: Query) -> Page:
        self.rules.check_query(query)
        index = self.rules.index_of(query)
        after = place_after(query, index)
        low: Any = query.low
        if low is not None and query.high is not None and low > query.high:
            return Page(())
        most = query.limit or PAGE_ITEMS
        request = query_request(query, index) | {"TableName": self.name, "Limit": most + 1}
        if after is not None:
            request["ExclusiveStartKey"] = _start(query, index, after)
        with throttling():
            answer: Mapping[str, Any] = self._client.query(**request, **self._units.wanted)
        self._units.read("Query", answer)
        return _page(answer, index, most)

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _call(self, write: Write, request: dict[str, Any]) -> Mapping[str, Any]:
        if isinstance(write, Put):
            return self._client.put_item(**request)
        if isinstance(write, Update):
            return self._client.update_item(**request, ReturnValues="ALL_NEW")
        return self._client.delete_item(**request)

    def _refusal(self, operation: str, error: ClientError) -> Exception:
        code = code_of(error)
        if code == "ConditionalCheckFailedException":
            stood: Any = error.response.get("Item")
            item = from_wire(stood) if stood else None
            self._units.refused(operation, self.name, item)
            return ConditionFailed(item)
        if code == "ValidationException":
            return ValueError(message_of(error))
        return error

    def _get_batch(self, keys: Sequence[Any], found: dict[Key, Item]) -> None:
        """One batch, until DynamoDB has looked at every key. Raises Throttled."""
        for attempt in range(_TRIES):
            if attempt:
                self._pause(0.05 * 2**attempt)
            wanted: Any = {self.name: {"Keys": keys, "ConsistentRead": True}}
            with throttling():
                answer = self._client.batch_get_item(RequestItems=wanted, **self._units.wanted)
            self._units.read("BatchGetItem", answer)
            for wire in answer["Responses"].get(self.name, ()):
                item = from_wire(wire)
                found[Key(item["pk"], item["sk"])] = item
            left: Mapping[str, Any] = answer.get("UnprocessedKeys", {})
            keys = left.get(self.name, {}).get("Keys", ())
            if not keys:
                return
        raise Throttled(f"BatchGetItem left {len(keys)} keys unread {_TRIES} times")


def action(table: str, write: Write) -> dict[str, Any]:
    """A write as an action of a transaction."""
    request = write_request(write) | {"TableName": table}
    request.pop("ReturnValuesOnConditionCheckFailure", None)  # positions are all we tell
    return {_ACTIONS[type(write)]: request}


def transact(client: DynamoDBClient, actions: Sequence[Any], units: Units) -> None:
    """Carry out a transaction. boto3 gives it a token, so that its own retries are one."""
    try:
        with throttling():
            answer = client.transact_write_items(TransactItems=actions, **units.wanted)
    except ClientError as error:
        tables = [next(iter(action.values()))["TableName"] for action in actions]
        raise _cancelled(error, tables, units) from error
    units.write("TransactWriteItems", answer)


def _cancelled(error: ClientError, tables: Sequence[str], units: Units) -> Exception:
    if code_of(error) == "ValidationException":
        return ValueError(message_of(error))
    reasons: Any = error.response.get("CancellationReasons")
    if code_of(error) != "TransactionCanceledException" or not reasons:
        return error
    codes = [reason.get("Code", "None") for reason in reasons]
    failed = [at for at, code in enumerate(codes) if code.startswith("ConditionalCheckFailed")]
    conflicted = [at for at, code in enumerate(codes) if code == "TransactionConflict"]
    if failed or conflicted:
        units.refused_transaction(tables)
        return TransactionRefused(failed, conflicted)
    said = "; ".join(f"{r.get('Code')}: {r.get('Message')}" for r in reasons if r.get("Message"))
    if THROTTLES.intersection(codes):
        return Throttled(said)
    return ValueError(said)


def _start(query: Query, index: IndexSchema | None, place: Place) -> dict[str, Any]:
    sort, pk, sk = place
    start = key_wire(Key(pk, sk))
    if index:
        start |= {index.partition: {"S": query.partition}, index.sort: value_to_wire(sort)}
    return start


def _page(answer: Mapping[str, Any], index: IndexSchema | None, most: int) -> Page:
    """One item more than wanted was asked for: so a cursor is given only when something is left."""
    items = tuple(from_wire(item) for item in answer["Items"])
    if len(items) > most:
        items = items[:most]
        return Page(items, cursor_of(place_of(items[-1], index)))
    if "LastEvaluatedKey" in answer:
        return Page(items, cursor_of(place_of(from_wire(answer["LastEvaluatedKey"]), index)))
    return Page(items)
