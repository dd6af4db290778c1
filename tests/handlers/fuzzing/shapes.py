"""Values of the shapes of AWS Batch's service model: as the model allows them, and no more said."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from hypothesis import strategies as st

from lambdas.adapters.aws.batch_model import batch_model
from tests.handlers.fuzzing.judge import SECRET

SHAPES = batch_model()._shapes
OPERATIONS = batch_model()._operations
DEEPEST = 5

ARN = "arn:aws:batch:us-east-1:123456789012"

#: Text that means something here, so that a request gets far, and text that means trouble.
WORDS = st.sampled_from(
    [
        *("default", "fargate", "task", "task:1", "ENABLED", "FARGATE", "container", "MANAGED"),
        *("512", "0.25", "1", " ", "a:0", "x#1", "*", "Ref::a", "é\U0001f600", "%00", "'\"\\"),
        *(f"{ARN}:job-queue/default", f"{ARN}:job/{'0' * 8}-0000-8000-8000-{'0' * 12}"),
        *("../../etc/passwd", "$(reboot)", "' OR 1=1 --", "${jndi:ldap://x}", "<script>", "{}"),
        *("9" * 60, "x" * 3000, "\u202e", "line\nbreak", "\x7f", "null", "0", "-1", ""),
    ]
)
NUMBERS = st.sampled_from([-(2**31), -1, 0, 1, 2, 21, 60, 100, 1000, 2**31 - 1])


def of_shape(name: str, depth: int = 0) -> st.SearchStrategy[Any]:
    """Any value that the model allows for this shape."""
    shape = SHAPES[name]
    match shape["type"]:
        case "structure":
            return st.deferred(lambda: structures(name, depth))
        case "list":
            inner = st.deferred(lambda: of_shape(shape["member"]["shape"], depth + 1))
            most = 0 if depth > DEEPEST else 3
            return st.lists(inner, min_size=shape.get("min", 0), max_size=most)
        case "map":
            return st.dictionaries(WORDS.filter(bool), WORDS, max_size=3)
        case "string" if "enum" in shape:
            return st.sampled_from(shape["enum"])
        case "string":
            return WORDS | st.text(max_size=20)
        case "boolean":
            return st.booleans()
        case "float" | "double":
            return st.floats(allow_nan=False, allow_infinity=False, width=32)
        case _:
            return NUMBERS


def structures(
    name: str, depth: int = 0, also: Collection[str] = (), never: Collection[str] = ()
) -> st.SearchStrategy[dict[str, Any]]:
    """All that is required and a few of the other members: with all of them, a request would be
    refused for the first that is not supported."""
    shape = SHAPES[name]
    needed = {*shape.get("required", ()), *also}
    others = sorted(set(shape["members"]) - needed - set(never))
    most = 4 if depth == 0 else 2 if depth < DEEPEST else 0
    few = st.sets(st.sampled_from(others), max_size=most) if others else st.just(set())

    def filled(chosen: Collection[str]) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries(
            {
                member: _member(name, member, depth)
                for member in shape["members"]
                if member in needed or member in chosen
            }
        )

    return few.flatmap(filled)


def _member(name: str, member: str, depth: int) -> st.SearchStrategy[Any]:
    """The values of variables are secrets."""
    if name in ("KeyValuePair", "EksContainerEnvironmentVariable") and member == "value":
        return st.just(SECRET) | WORDS
    return of_shape(SHAPES[name]["members"][member]["shape"], depth + 1)


def inputs(operation: str) -> st.SearchStrategy[dict[str, Any]]:
    """Any input of an operation that the model allows."""
    return structures(input_of(operation))


def input_of(operation: str) -> str:
    return str(OPERATIONS[operation]["input"]["shape"])
