"""Nearly right: a request with one thing wrong in one place, also as JSON that no library writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from tests.handlers.fuzzing.judge import SECRET

Path = tuple[str | int, ...]

_DEEP: list[Any] = []
for _ in range(200):
    _DEEP = [_DEEP]

#: In place of a value. Which of them is wrong depends on the place.
ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        0.5,
        2**31,
        2**63,
        -(2**63) - 1,
        10**40,
        "",
        " ",
        "0",
        "1",
        "-1",
    ),
    *([], {}, [None], [[]], {"": ""}, {"a": None}, [{}], _DEEP),
    *("\ud800", "a\udfffb", "a\0b", "\u202eabc", "\u2028", "é" * 200, "\U0001f600", "x" * 20_000),
    *("' OR 1=1 --", "../../etc/passwd", "${jndi:ldap://x}", "%s%n%00", "<script>", "Ref::a"),
    *("NaN", "null", "true", "1e3", "0x10", "１２", "+1", "1_000", "0.25 ", "task:0", "task:-1"),
    *("a=b", "arn:aws:batch:us-east-1:999999999999:job-queue/default", "line\nbreak"),
)
#: In place of a variable or a part of one: what holds a value must not be repeated.
ODD_SECRETS: tuple[Any, ...] = (
    *(f"KEY={SECRET}", f"AWS_BATCH={SECRET}", [SECRET], {"x": SECRET}, {"value": [SECRET]}),
    *(f"{SECRET}\0", f"\ud800{SECRET}", {"name": "A", "valu": SECRET}, {"value": SECRET}),
)
ODD_NAMES = ("", "x", "jobName ", "JobName", "__proto__", "value", "\ud800", "$ref", "n" * 5000)

#: In place of a value, as raw JSON (or what somebody may take for JSON).
RAW = (
    *("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 5000, "1" * 400, "1.0", "1E2", "-0"),
    *("01", "+1", "0x10", "'a'", "undefined", "nul", '"\\ud800"', '"\\u0000"', '"\\q"', '"\x01"'),
    *(
        "[" * 900 + "]" * 900,
        '{"a":' * 900 + "1" + "}" * 900,
        "[" * 200_000,
        "/*x*/1",
        "",
        ",",
        "}",
    ),
)
_HERE = "@@here@@"


@st.composite
def spoilt(draw: st.DrawFn, requests: st.SearchStrategy[Any]) -> str:
    """The text of a body: one of `requests` with one thing changed."""
    body = deepcopy(draw(requests))
    paths = list(_paths(body))
    path = draw(st.sampled_from(paths))
    match draw(
        st.sampled_from(["odd", "odd", "odd", "drop", "extra", "number", "many", "raw", "twice"])
    ):
        case "odd":
            _set(body, path, draw(_odd(path)))
        case "drop":
            _drop(body, path)
        case "extra":
            _extra(body, path, draw(st.sampled_from(ODD_NAMES)), draw(st.sampled_from(ODD)))
        case "number":
            _set(body, path, _other_kind(_get(body, path)))
        case "many":
            value = _get(body, path)
            number = draw(st.sampled_from([2, 51, 101, 3000]))
            _set(body, path, value * number if isinstance(value, list | str) else [value] * number)
        case "raw":
            return _raw(body, path, draw(st.sampled_from(RAW)))
        case "twice":
            return _twice(body, path, draw(st.sampled_from(ODD)))
    return json.dumps(body)


def _odd(path: Path) -> st.SearchStrategy[Any]:
    odd = st.sampled_from(ODD)
    return odd | st.sampled_from(ODD_SECRETS) if "environment" in path else odd


def _paths(value: Any, here: Path = ()) -> Iterator[Path]:
    """Every place in a request, the whole of it left out unless it is empty."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield (*here, name)
            yield from _paths(part, (*here, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield (*here, index)
            yield from _paths(part, (*here, index))
    if value == {} and not here:
        yield ()


def _get(body: Any, path: Path) -> Any:
    for step in path:
        body = body[step]
    return body


def _set(body: Any, path: Path, value: Any) -> None:
    if path:
        _get(body, path[:-1])[path[-1]] = value


def _drop(body: Any, path: Path) -> None:
    if path:
        del _get(body, path[:-1])[path[-1]]


def _extra(body: Any, path: Path, name: str, value: Any) -> None:
    """Another member beside the one at `path`, or around it."""
    beside = _get(body, path[:-1])
    if isinstance(beside, dict):
        beside[name] = value
    else:
        beside.append(value)


def _other_kind(value: Any) -> Any:
    """The same, as somebody else's library writes it."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str() if value.isascii() and value.isdigit():
            return int(value)
        case str():
            return [value]
        case list():
            return {str(index): part for index, part in enumerate(value)}
        case dict():
            return [value]
    return value


def _raw(body: Any, path: Path, text: str) -> str:
    if not path:
        return text
    _set(body, path, _HERE)
    return json.dumps(body).replace(json.dumps(_HERE), text, 1)


def _twice(body: Any, path: Path, value: Any) -> str:
    """The same member twice in one object; in JSON, the last one counts."""
    if not path or isinstance(path[-1], int):
        return json.dumps(body) + " "
    first, name = json.dumps(_get(body, path)), json.dumps(path[-1])
    return _raw(body, path, f"{first}, {name}: {json.dumps(value)}")
