"""AWS Batch's service model, as botocore ships it, and our own calls beside it (own_calls): what a
request and an answer may hold.

The model in the asset is the one of the pinned boto3, whatever is installed beside it. A shape is
compiled to a check the first time a request meets it, so a cold start pays only for what it uses.
"""

from __future__ import annotations

import difflib
import gzip
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from lambdas.core import own_calls
from lambdas.core.errors import ClientError, InvalidRequest, shown

_MODEL = Path(botocore.__file__).parent / "data" / "batch" / "2016-08-10" / "service-2.json.gz"

#: AWS Batch reads these without regard to case, whatever the model says.
_ANY_CASE = frozenset({"RetryAction"})

#: Values of variables: no refusal repeats one.
_SECRET = re.compile(r"(^|\.)environment(\[|$)")

#: Names longer than this are not looked for among the fields.
_LONGEST_NAME = 100

_RANGES = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_SAID = {
    "structure": "an object",
    "map": "an object of strings",
    "list": "a list",
    "string": "a string",
    "integer": "a whole number",
    "long": "a whole number",
    "boolean": "true or false",
    "float": "a number",
    "double": "a number",
}

Check = Callable[[str, Any], None]
Shape = Mapping[str, Any]


class BatchModel:
    """Checks requests and answers against the model; raises one sentence about the first fault."""

    def __init__(self) -> None:
        self._model: dict[str, Any] = json.loads(gzip.decompress(_MODEL.read_bytes()))
        self._model["shapes"].update(own_calls.SHAPES)
        self._model["operations"].update(own_calls.OPERATIONS)
        self._shapes: Mapping[str, Shape] = self._model["shapes"]
        self._operations: Mapping[str, Any] = self._model["operations"]
        self._paths = {
            operation["http"]["requestUri"]: name
            for name, operation in self._operations.items()
            if operation["http"]["method"] == "POST"
        }
        self._checks: dict[str, Check] = {}

    def operation_of(self, path: str, method: str = "POST") -> str | None:
        """The operation behind a path: `/v1/submitjob` → SubmitJob, `/v1/tags/<arn>` by method."""
        if path.startswith("/v1/tags/"):
            return _TAGS.get(method)
        return self._paths.get(path) if method == "POST" else None

    def validate_request(self, operation: str, body: Mapping[str, Any]) -> None:
        """Raises ClientError when `body` is no input of `operation`."""
        self._check(self._operations[operation]["input"]["shape"])("", body)

    def validate_response(self, operation: str, answer: Mapping[str, Any]) -> list[str]:
        """What botocore's own validator says against an answer; empty when nothing."""
        shape = ServiceModel(self._model).operation_model(operation).output_shape
        if shape is None:
            return [f"{operation} answers nothing"] if answer else []
        report: str = ParamValidator().validate(answer, shape).generate_report()
        return report.splitlines()

    # ── compiling ─────────────────────────────────────────────────────────────────────────────

    def _check(self, name: str) -> Check:
        """The check of a shape, compiled once; a shape may hold itself."""
        if name not in self._checks:
            self._checks[name] = self._compile(name, self._shapes[name])
        return self._checks[name]

    def _compile(self, name: str, shape: Shape) -> Check:
        match shape["type"]:
            case "structure":
                return self._structure(shape)
            case "list":
                return self._list(shape)
            case "map":
                return self._map(shape)
            case "string":
                return _string(shape, name in _ANY_CASE)
            case "integer" | "long" as kind:
                return _whole(kind, shape)
            case kind:
                return _scalar(kind)

    def _structure(self, shape: Shape) -> Check:
        members: Mapping[str, Any] = shape["members"]
        required = shape.get("required", ())

        def check(path: str, value: Any) -> None:
            _of_type("structure", path, value)
            for name, part in value.items():
                if name not in members:
                    raise ClientError(_unknown(path, name, members))
                self._check(members[name]["shape"])(_inside(path, name), part)
            for name in required:
                if name not in value:
                    raise ClientError(f"{_inside(path, name)} is required.")

        return check

    def _list(self, shape: Shape) -> Check:
        element = shape["member"]["shape"]
        least, most = shape.get("min", 0), shape.get("max")

        def check(path: str, value: Any) -> None:
            _of_type("list", path, value)
            if not least <= len(value) <= (len(value) if most is None else most):
                allowed = f"at least {least}" if most is None else f"{least} to {most}"
                raise ClientError(f"{path} has {len(value)} entries: {allowed} are allowed.")
            for index, part in enumerate(value):
                self._check(element)(f"{path}[{index}]", part)

        return check

    def _map(self, shape: Shape) -> Check:
        key, content = shape["key"]["shape"], shape["value"]["shape"]
        most = shape.get("max")

        def check(path: str, value: Any) -> None:
            _of_type("map", path, value)
            if most is not None and len(value) > most:
                raise ClientError(f"{path} has {len(value)} entries: at most {most} are allowed.")
            for name, part in value.items():
                if not name:
                    raise ClientError(f"{path} has an entry without a name.")
                self._check(key)(f"{path}: the key", name)
                self._check(content)(f"{path}[{shown(name)}]", part)

        return check


@cache
def batch_model() -> BatchModel:
    """The one model of this process."""
    return BatchModel()


_TAGS = {"GET": "ListTagsForResource", "POST": "TagResource", "DELETE": "UntagResource"}


def _string(shape: Shape, any_case: bool) -> Check:
    allowed = tuple(shape.get("enum", ()))
    least, most = shape.get("min", 0), shape.get("max")

    def check(path: str, value: Any) -> None:
        _of_type("string", path, value)
        _readable(path, value)
        if allowed and (value.upper() if any_case else value) not in allowed:
            raise _wrong(path, value, f"one of {', '.join(allowed)} is allowed.")
        if len(value) < least or (most is not None and len(value) > most):
            raise _wrong(path, value, f"{least} to {most} characters are allowed.")

    return check


def _whole(kind: str, shape: Shape) -> Check:
    least, most = _RANGES[kind]
    least, most = max(least, shape.get("min", least)), min(most, shape.get("max", most))

    def check(path: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong(path, value, f"{_SAID[kind]} is needed.")
        if not least <= value <= most:
            raise _wrong(path, value, f"{least} to {most} is allowed.")

    return check


def _scalar(kind: str) -> Check:
    def check(path: str, value: Any) -> None:
        fits = isinstance(value, bool) if kind == "boolean" else _number(value)
        if not fits:
            raise _wrong(path, value, f"{_SAID[kind]} is needed.")

    return check


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of_type(kind: str, path: str, value: Any) -> None:
    python = {"structure": dict, "map": dict, "list": list, "string": str}[kind]
    if not isinstance(value, python):
        raise _wrong(path or "The request", value, f"{_SAID[kind]} is needed.")


def _readable(path: str, value: str) -> None:
    """JSON can spell half a character, and a NUL that no process can be given."""
    if "\0" in value:
        raise _wrong(path, value, "a NUL character is not allowed.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _wrong(path, value, "half of a surrogate pair is not allowed.") from None


def _wrong(path: str, value: Any, allowed: str) -> InvalidRequest:
    return InvalidRequest(path, value, allowed, secret=bool(_SECRET.search(path)))


def _unknown(path: str, name: str, members: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name[:_LONGEST_NAME], members, n=1)
    told = f"did you mean '{close[0]}'?" if close else f"allowed: {', '.join(sorted(members))}."
    where = path or "the request"
    return f"{shown(name)} is not a field of {where}: {told}"


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
