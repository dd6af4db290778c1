"""Conditions, updates and queries as DynamoDB's expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.adapters.aws.wire import Wire, to_wire, value_to_wire
from lambdas.core.tables import (
    Absent,
    AtLeast,
    AtMost,
    Condition,
    Differs,
    Equals,
    IndexSchema,
    Key,
    OneOf,
    Present,
    Put,
    Query,
    Update,
    Write,
)


class Expression:
    """Placeholders of one request: every name and value goes by one."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Wire] = {}

    def name(self, name: str) -> str:
        return self._names.setdefault(name, f"#{len(self._names)}")

    def value(self, value: Any) -> str:
        holder = f":{len(self._values)}"
        self._values[holder] = value_to_wire(value)
        return holder

    def parts(self) -> dict[str, Any]:
        """The request's part that says what the placeholders stand for."""
        parts: dict[str, Any] = {}
        if self._names:
            parts["ExpressionAttributeNames"] = {held: name for name, held in self._names.items()}
        if self._values:
            parts["ExpressionAttributeValues"] = self._values
        return parts

    def condition(self, condition: Condition) -> str:
        name = self.name(condition.name)
        match condition:
            case Present():
                return f"attribute_exists({name})"
            case Absent():
                return f"attribute_not_exists({name})"
            case Equals(value=None):  # some local clouds take an absent attribute for a NULL
                return f"(attribute_exists({name}) AND {name} = {self.value(None)})"
            case Equals(value=value):
                return f"{name} = {self.value(value)}"
            case Differs(value=value):
                return f"(attribute_not_exists({name}) OR {name} <> {self.value(value)})"
            case OneOf(values=values):
                return f"{name} IN ({', '.join(self.value(value) for value in values)})"
            case AtMost(value=value):
                return f"(attribute_not_exists({name}) OR {name} <= {self.value(value)})"
            case AtLeast(value=value):
                return f"{name} >= {self.value(value)}"

    def update(self, update: Update) -> str:
        sets = [f"{self.name(n)} = {self.value(v)}" for n, v in update.put.items()]
        adds = [f"{self.name(n)} {self.value(v)}" for n, v in update.add.items()]
        drops = [self.name(n) for n in update.drop]
        clauses = (("SET", sets), ("ADD", adds), ("REMOVE", drops))
        return " ".join(f"{verb} {', '.join(said)}" for verb, said in clauses if said)


def write_request(write: Write) -> dict[str, Any]:
    """A write as the parameters that the single calls and a transaction's actions share."""
    expression = Expression()
    request: dict[str, Any] = (
        {"Item": to_wire(write.item)} if isinstance(write, Put) else {"Key": key_wire(write.key)}
    )
    if isinstance(write, Update):
        request["UpdateExpression"] = expression.update(write)
    if write.when:
        said = " AND ".join(expression.condition(condition) for condition in write.when)
        request["ConditionExpression"] = said
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return request | expression.parts()


def query_request(query: Query, index: IndexSchema | None) -> dict[str, Any]:
    """A query's partition, range, direction and consistency."""
    expression = Expression()
    partition = expression.name(index.partition if index else "pk")
    said = [f"{partition} = {expression.value(query.partition)}"]
    if _narrowed(query):
        said.append(_range(expression, expression.name(index.sort if index else "sk"), query))
    request: dict[str, Any] = {
        "KeyConditionExpression": " AND ".join(said),
        "ScanIndexForward": not query.descending,
    }
    return (
        request
        | ({"IndexName": index.name} if index else {"ConsistentRead": True})
        | (expression.parts())
    )


def _narrowed(query: Query) -> bool:
    return bool(query.begins) or query.low is not None or query.high is not None


def _range(expression: Expression, name: str, query: Query) -> str:
    if query.begins:
        return f"begins_with({name}, {expression.value(query.begins)})"
    if query.high is None:
        return f"{name} >= {expression.value(query.low)}"
    if query.low is None:
        return f"{name} <= {expression.value(query.high)}"
    return f"{name} BETWEEN {expression.value(query.low)} AND {expression.value(query.high)}"


def key_wire(key: Key) -> dict[str, Wire]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def keys_wire(keys: Sequence[Key]) -> list[Mapping[str, Wire]]:
    return [key_wire(key) for key in keys]
