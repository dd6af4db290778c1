"""`Ref::name` in a command, replaced by a job's parameters as AWS Batch does.

What comes out is bounded while it is made: a megabyte of placeholders, each for a megabyte, would
be no command but the end of the function.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lambdas.core.errors import ClientError

#: Characters of a whole command; a task definition as large as this is refused by ECS.
LONGEST_COMMAND = 60 * 1024

_PLACE = re.compile(r"(?<!\w)Ref::")
_WORD = re.compile(r"\w")


def replaced_in(command: Sequence[str], parameters: Mapping[str, str]) -> list[str]:
    """Every element with its placeholders replaced. Raises ClientError for a command too long."""
    _check(sum(map(len, command)))
    if not parameters:
        return list(command)
    lengths = sorted({len(name) for name in parameters}, reverse=True)
    made, room = [], LONGEST_COMMAND
    for element in command:
        made.append(_replaced(element, parameters, lengths, room))
        room -= len(made[-1])
    return made


def replaced(element: str, parameters: Mapping[str, str]) -> str:
    """`element` with every `Ref::name` whose name is a parameter replaced by its value.

    A placeholder is a whole word: the longest parameter name that fits wins, and one that goes on
    with a letter, digit or underscore is another name. Unknown names stay, and a value is never
    searched for placeholders again.
    """
    return replaced_in([element], parameters)[0]


def _replaced(
    element: str, parameters: Mapping[str, str], lengths: Sequence[int], room: int
) -> str:
    parts: list[str] = []
    size = 0
    for part in _parts(element, parameters, lengths):
        size += len(part)
        _check(LONGEST_COMMAND - room + size)
        parts.append(part)
    return "".join(parts)


def _parts(element: str, parameters: Mapping[str, str], lengths: Sequence[int]) -> Iterator[str]:
    """The text between placeholders, and their values, in turn."""
    done = 0
    for place in _PLACE.finditer(element):
        if place.start() < done:
            continue
        name = _name_at(element, place.end(), parameters, lengths)
        if name is not None:
            yield element[done : place.start()]
            yield parameters[name]
            done = place.end() + len(name)
    yield element[done:]


def _name_at(
    text: str, start: int, parameters: Mapping[str, str], lengths: Sequence[int]
) -> str | None:
    """The longest name that stands here as a whole word."""
    for length in lengths:
        end = start + length
        if text[start:end] in parameters and end <= len(text) and not _WORD.match(text, end):
            return text[start:end]
    return None


def _check(size: int) -> None:
    if size > LONGEST_COMMAND:
        raise ClientError(
            "The job's command is too long with its parameters: "
            f"at most {LONGEST_COMMAND:,} characters are allowed."
        )
