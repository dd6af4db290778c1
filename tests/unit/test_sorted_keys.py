"""The order behind memory indexes: always what sorting everything would give."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from lambdas.adapters.memory import sorted_keys
from lambdas.adapters.memory.sorted_keys import SortedKeys

entries = st.tuples(st.integers(0, 9), st.sampled_from("ab"))
bounds = st.none() | entries | st.tuples(st.integers(0, 9))


@given(st.sets(entries), st.lists(st.tuples(st.booleans(), entries)), bounds, bounds, st.booleans())
def test_between_is_what_sorting_would_give(
    first: set[tuple[int, str]],
    steps: list[tuple[bool, tuple[int, str]]],
    start: tuple[object, ...] | None,
    stop: tuple[object, ...] | None,
    descending: bool,
) -> None:
    members, keys = set(first), SortedKeys(first)
    for add, entry in steps:
        if add and entry not in members:
            keys.add(entry)
            members.add(entry)
        elif not add and entry in members:
            keys.remove(entry)
            members.remove(entry)
    wanted = sorted(
        (
            entry
            for entry in members
            if (start is None or entry >= start) and (stop is None or entry < stop)
        ),
        reverse=descending,
    )
    assert list(keys.between(start, stop, descending)) == wanted


def test_order_holds_over_many_chunks() -> None:
    chance = random.Random(7)
    numbers = list(range(6 * sorted_keys._LOAD))
    chance.shuffle(numbers)
    keys = SortedKeys()
    for number in numbers:
        keys.add((number,))
    for number in numbers[::3]:
        keys.remove((number,))
    left = sorted(numbers[1::3] + numbers[2::3])
    assert [entry[0] for entry in keys.between(None, None)] == left
    assert [entry[0] for entry in keys.between((100,), (2000,), True)] == [
        number for number in reversed(left) if 100 <= number < 2000
    ]
