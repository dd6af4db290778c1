"""Events that become jobs: `Submit Job` on the deployment's bus, and uploads to S3.

An event is delivered at least once, and one event makes one job: its id (or, for an upload, the
object's bucket, key, version and sequencer) is the client token of the submission. What can never
become a job goes to the queue of rejected events, with the reason; what failed for now is left to
be delivered again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lambdas.core.errors import (
    ApiError,
    ClientError,
    InvalidRequest,
    TokenReused,
    TooManyRequests,
)
from lambdas.core.inbox import MOST_BODY_BYTES
from lambdas.core.ports import Inboxes, Journal
from lambdas.core.triggers import Upload, text_of
from lambdas.services.triggers import TriggerService

SUBMIT = "Submit Job"
UPLOADED = "Object Created"
S3 = "aws.s3"

#: The longest client token that an event may bring.
LONGEST_TOKEN = 128

#: A source or account is kept with each of its jobs; EventBridge's own are shorter.
_LONGEST_SOURCE = 256

#: The most characters of the event that a rejected record keeps: one takes twelve in JSON at
#: worst, and so do the reason and the names beside it.
_MOST_KEPT = 18_000

Body = Mapping[str, Any]


class Submits(Protocol):
    def submit(self, body: Body, caller: str, token: str | None) -> Mapping[str, Any]: ...


class Model(Protocol):
    """The service model: what a request may hold."""

    def validate_request(self, operation: str, body: Body) -> None: ...


@dataclass(frozen=True, slots=True)
class Submission:
    """One job that an event asks for; `trigger` is empty when the event itself is the request."""

    request: Body
    caller: str
    token: str
    trigger: str = ""


class IntakeService:
    """Turns one event after the other into the same submit as the API's."""

    def __init__(
        self,
        *,
        submits: Submits,
        model: Model,
        triggers: TriggerService,
        inboxes: Inboxes,
        journal: Journal,
        rejected_queue: str,
    ) -> None:
        self._submits = submits
        self._model = model
        self._triggers = triggers
        self._inboxes = inboxes
        self._journal = journal
        self._rejected_queue = rejected_queue

    def take(self, text: str, message: str = "") -> None:
        """Settle one event: its jobs exist, or its rejection is on the queue, when this returns.

        `message` is the id of the message that brought it. Raises what may succeed later
        (Throttled, TooManyRequests, ServerError); the same event can be taken again.
        """
        delivery = _Delivery(text, message)
        try:
            event = delivery.event()
            submissions = list(self._submissions(event))
        except ClientError as error:
            self._reject(error, delivery)
            return
        if not submissions:
            self._journal.note("no trigger", message=message, resources=event.get("resources"))
        for submission in submissions:
            self._submit(submission, delivery)

    def _submissions(self, event: Body) -> Iterator[Submission]:
        """Every job this event asks for. Raises ClientError."""
        source, account = str(event.get("source", "")), str(event.get("account", ""))
        caller = f"events:{source[:_LONGEST_SOURCE]}@{account[:_LONGEST_SOURCE]}"
        kind = event.get("detail-type")
        if kind == SUBMIT:
            yield _asked(event, caller)
        elif kind == UPLOADED and source == S3:
            yield from self._triggered(Upload.of(event["detail"]), caller)
        else:
            allowed = f"'{SUBMIT}', or '{UPLOADED}' from {S3}, is allowed."
            raise InvalidRequest("detail-type", kind, allowed)

    def _triggered(self, upload: Upload, caller: str) -> Iterator[Submission]:
        for trigger in self._triggers.of(upload):
            request = trigger.submission(upload)
            yield Submission(request, caller, trigger.token(upload), trigger.id)

    def _submit(self, submission: Submission, delivery: _Delivery) -> None:
        trigger = submission.trigger
        try:
            self._model.validate_request("SubmitJob", submission.request)
            answer = self._submits.submit(submission.request, submission.caller, submission.token)
        except ApiError as error:
            if trigger and isinstance(error, TokenReused):
                # The trigger changed since this very upload made its job.
                self._journal.note("upload had its job", message=delivery.message, trigger=trigger)
            elif _final(error):
                self._reject(error, delivery, trigger)
            else:
                raise
            return
        self._journal.count("EventsAccepted")
        facts = {"job": answer["jobId"], "trigger": trigger, "message": delivery.message}
        self._journal.note("event accepted", **facts)

    def _reject(self, error: ApiError, delivery: _Delivery, trigger: str = "") -> None:
        """Tell who watches the queue of rejected events; the original comes along as it was."""
        record = {"reason": error.message, "code": error.code, "trigger": trigger}
        record |= {"message": delivery.message, **delivery.origin()}
        self._inboxes.send(self._rejected_queue, [_bounded(record, delivery.text)])
        self._journal.count("EventsRejected")
        self._journal.warn("event rejected", **record)


@dataclass(frozen=True, slots=True)
class _Delivery:
    """A message as it came: its text, and its id."""

    text: str
    message: str

    def event(self) -> Body:
        """The EventBridge event in it. Raises ClientError."""
        event = self._json()
        if not isinstance(event, dict) or not isinstance(event.get("detail"), dict):
            raise ClientError("The message is not an event: it has no object named detail.")
        return event

    def origin(self) -> dict[str, str]:
        """Where the event came from, as far as it says."""
        try:
            event = self._json()
        except ClientError:
            return {}
        said = event if isinstance(event, dict) else {}
        names = ("id", "source", "account", "region", "time", "detail-type")
        return {f"event_{n.replace('-', '_')}": str(said[n])[:256] for n in names if n in said}

    def _json(self) -> Any:
        try:
            value = json.loads(self.text)
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no text
        except (ValueError, RecursionError):
            size = len(self.text)  # the text may hold secrets
            raise ClientError(f"The message of {size:,} characters is not JSON.") from None
        return value


def _asked(event: Body, caller: str) -> Submission:
    """What a `Submit Job` event asks for: its detail, without `clientToken`, which is ours."""
    detail = dict(event["detail"])
    token = detail.pop("clientToken", None)
    if token is None:
        return Submission(detail, caller, text_of("id", event.get("id")))
    if not 1 <= len(text_of("detail.clientToken", token)) <= LONGEST_TOKEN:
        raise InvalidRequest("detail.clientToken", token, f"at most {LONGEST_TOKEN} characters.")
    return Submission(detail, caller, token)


def _final(error: ApiError) -> bool:
    """The same event would be refused again."""
    return error.status < 500 and not isinstance(error, TooManyRequests)


def _bounded(record: Mapping[str, str], text: str) -> str:
    """The record with the event as it came, cut if a message could not hold it."""
    whole = json.dumps({**record, "event": text})
    if len(whole) <= MOST_BODY_BYTES:
        return whole
    return json.dumps({**record, "event": text[:_MOST_KEPT], "cut": True})
