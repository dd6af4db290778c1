"""Resources declared in code: what CloudFormation asks for, applied by the services of the API.

A resource's properties are `Kind`, `Name`, `Detail` (the AWS Batch request that would make it, as
JSON) and, for a job queue, `Inbox` (its SQS queue's URL). A create adopts what exists already, an
update is in place, and a delete detaches first; a delete never fails a stack for the state that
the resource is in. Every entry remembers which resource of which stack declared it, and only that
one deletes it: a delete after another declaration took the name over (a construct that moved), or
after a create that failed, lets the entry be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from lambdas.core.errors import ApiError, ClientError, InvalidRequest, shown
from lambdas.core.ports import Journal
from lambdas.services.catalog_entries import Author
from lambdas.services.declared import Declarable

Event = Mapping[str, Any]

#: CloudFormation reads answers of up to 4,096 bytes.
LONGEST_REASON = 1000


class Model(Protocol):
    """The service model: what a request may hold."""

    def validate_request(self, operation: str, body: Mapping[str, Any]) -> None: ...


class Answers(Protocol):
    """Where CloudFormation waits for a word, by the URL that its request brought."""

    def put(self, url: str, answer: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: the resource's physical id, and why it failed if it did."""

    resource: str
    failure: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)


class DeclareService:
    """Applies one request of CloudFormation at a time. Each can be repeated."""

    def __init__(self, *, kinds: Mapping[str, Declarable], model: Model, journal: Journal) -> None:
        self._kinds = kinds
        self._model = model
        self._journal = journal

    def apply(self, event: Event) -> Outcome:
        """Carry the request out. Never raises: whatever goes wrong is in the outcome."""
        facts = {"request": event.get("RequestType"), "resource": event.get("LogicalResourceId")}
        try:
            outcome = self._delete(event) if _deletes(event) else self._make(event)
        except Exception as error:
            outcome = failed(event, error)
        if outcome.failure:
            self._journal.warn("declaration failed", reason=outcome.failure, **facts)
        else:
            self._journal.note("declared", id=outcome.resource, **facts)
        return outcome

    def _make(self, event: Event) -> Outcome:
        asked = event.get("ResourceProperties") or {}
        kind, detail = self._kind(asked), _detail(asked)
        self._model.validate_request(kind.operation, kind.request(detail))
        name = kind.name(detail)
        if asked.get("Name") != name:
            raise InvalidRequest("Name", asked.get("Name"), f"Detail names it {shown(name)}.")
        data = kind.declare(detail, _author(event), asked)
        return Outcome(f"{asked['Kind']}/{kind.id(detail)}", data=data)

    def _delete(self, event: Event) -> Outcome:
        """Only a fault of ours fails a delete: what cannot be undone by asking again is let be."""
        asked = event.get("ResourceProperties") or {}
        try:
            kind, detail = self._kind(asked), _detail(asked)
            author = _author(event)
            owner = kind.declared_by(detail)
            if owner == author.declared_by:
                kind.retire(detail, author)
            elif owner:
                self._journal.note("declared elsewhere", id=kind.id(detail), by=owner)
        except ApiError as error:
            if error.status >= 500 or error.status == 429:
                raise
            self._journal.warn("left as it is", reason=error.message, properties=dict(asked))
        return Outcome(_physical(event))

    def _kind(self, asked: Mapping[str, Any]) -> Declarable:
        kind = self._kinds.get(str(asked.get("Kind")))
        if kind is None:
            allowed = ", ".join(sorted(self._kinds))
            raise InvalidRequest("Kind", asked.get("Kind"), f"one of {allowed} is allowed.")
        return kind


def failed(event: Event, error: BaseException) -> Outcome:
    """A request that could not be carried out, as one sentence; the resource keeps its id, so
    that a rollback changes it back and deletes nothing."""
    said = error.message if isinstance(error, ApiError) else f"{type(error).__name__}: {error}"
    return Outcome(_physical(event), failure=said[:LONGEST_REASON] or type(error).__name__)


def answer_of(event: Event, outcome: Outcome) -> dict[str, Any]:
    """What CloudFormation is told."""
    return {
        "Status": "FAILED" if outcome.failure else "SUCCESS",
        "Reason": outcome.failure or "",
        "PhysicalResourceId": outcome.resource,
        "StackId": event.get("StackId", ""),
        "RequestId": event.get("RequestId", ""),
        "LogicalResourceId": event.get("LogicalResourceId", ""),
        "NoEcho": False,
        "Data": dict(outcome.data),
    }


def _deletes(event: Event) -> bool:
    return event.get("RequestType") == "Delete"


def _physical(event: Event) -> str:
    """The id that CloudFormation knows the resource by; before there is one, one that is its own."""
    known = event.get("PhysicalResourceId")
    return str(known or f"undeclared/{event.get('LogicalResourceId', 'resource')}")


def _author(event: Event) -> Author:
    """The stack, and which of its resources: a name may move from one to another."""
    stack = str(event.get("StackId", ""))
    return Author(stack, declared_by=f"{stack}#{event.get('LogicalResourceId', '')}")


def _detail(asked: Mapping[str, Any]) -> dict[str, Any]:
    try:
        detail = json.loads(asked.get("Detail") or "")
    except (TypeError, ValueError, RecursionError):
        detail = None
    if not isinstance(detail, dict):
        raise ClientError(
            "Detail is no JSON object: the request that makes the resource is needed."
        )
    return detail
