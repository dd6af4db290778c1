"""The Table port: queries of partitions and indexes, pages and cursors."""

# ruff: noqa: PT011 - that both tables raise a ValueError is the contract; its words are not

from __future__ import annotations

import pytest

from lambdas.core.ports import Table
from lambdas.core.tables import (
    Delete,
    Key,
    Query,
    Update,
)
from tests.contract.items import A, B, put


def sks(table: Table, query: Query) -> list[str]:
    return [item["sk"] for item in table.query(query).items]


@pytest.fixture
def shelf(table: Table) -> Table:
    for sk in ("ATTEMPT#0002", "STATE", "ATTEMPT#0001", "SPEC", "ATTEMPT#0010", "é", "🚀"):
        put(table, Key("JOB#a", sk), n=1)
    put(table, Key("JOB#b", "STATE"))
    return table


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query("JOB#a", begins="ATT"), ["ATTEMPT#0001", "ATTEMPT#0002", "ATTEMPT#0010"]),
        (Query("JOB#a", begins="ATT", descending=True, limit=1), ["ATTEMPT#0010"]),
        (Query("JOB#a", low="SPEC", high="STATE"), ["SPEC", "STATE"]),
        (Query("JOB#a", low="STATE"), ["STATE", "é", "🚀"]),
        (Query("JOB#a", high="ATTEMPT#0001"), ["ATTEMPT#0001"]),
        (Query("JOB#a", low="é", descending=True), ["🚀", "é"]),
        (Query("JOB#a", low="z", high="a"), []),
        (Query("JOB#a", begins="nothing"), []),
        (Query("JOB#a", begins="🚀"), ["🚀"]),
        (Query("JOB#nobody"), []),
        (Query("JOB#b"), ["STATE"]),
    ],
    ids=repr,
)
def test_a_query_of_the_table(shelf: Table, query: Query, found: list[str]) -> None:
    assert sks(shelf, query) == found


def test_a_query_of_the_table_gives_whole_items(shelf: Table) -> None:
    assert shelf.query(Query("JOB#a", begins="SPEC")).items == (
        {"pk": "JOB#a", "sk": "SPEC", "n": 1},
    )


def test_an_index_holds_only_items_with_both_its_keys(table: Table) -> None:
    put(table, A, lane="L", rank="1", ticket=4, name="not carried")
    put(table, B, lane="L", ticket=4)
    wanted = ({"pk": A.pk, "sk": A.sk, "lane": "L", "rank": "1", "ticket": 4},)
    assert table.query(Query("L", index="by_lane")).items == wanted
    table.write(Update(B, put={"rank": "0"}))
    assert [i["pk"] for i in table.query(Query("L", index="by_lane")).items] == [B.pk, A.pk]
    table.write(Update(A, drop=("lane",)))
    table.write(Delete(B))
    assert table.query(Query("L", index="by_lane")).items == ()


def test_an_index_follows_its_keys(table: Table) -> None:
    put(table, A, due_shard="D", due_at=5)
    table.write(Update(A, put={"due_at": 50}))
    assert table.query(Query("D", index="by_due", high=49)).items == ()
    assert table.query(Query("D", index="by_due", high=50)).items == (
        {"pk": A.pk, "sk": A.sk, "due_shard": "D", "due_at": 50},
    )


def test_an_index_sorts_numbers_as_numbers(table: Table) -> None:
    for at in (100, 9, -3, 20, 0):
        put(table, Key(f"JOB#{at}", "STATE"), due_shard="D", due_at=at)
    found = table.query(Query("D", index="by_due")).items
    assert [item["due_at"] for item in found] == [-3, 0, 9, 20, 100]
    found = table.query(Query("D", index="by_due", low=0, high=20, descending=True)).items
    assert [item["due_at"] for item in found] == [20, 9, 0]


def walk(table: Table, query: Query) -> list[list[str]]:
    pages = []
    after = None
    while True:
        page = table.query(Query(**{**_asked(query), "after": after}))
        pages.append([item["pk"] for item in page.items])
        after = page.after
        if after is None:
            return pages


def _asked(query: Query) -> dict[str, object]:
    return {name: getattr(query, name) for name in Query.__slots__}


@pytest.mark.parametrize("descending", [False, True])
def test_cursors_lead_through_every_item_once(table: Table, descending: bool) -> None:
    for n in range(7):
        put(table, Key(f"JOB#{n}", "STATE"), lane="L", rank=f"{n:03d}")
    pages = walk(table, Query("L", index="by_lane", limit=3, descending=descending))
    assert [len(page) for page in pages] == [3, 3, 1]
    wanted = [f"JOB#{n}" for n in range(7)]
    assert [pk for page in pages for pk in page] == (wanted[::-1] if descending else wanted)


def test_no_cursor_is_given_when_nothing_is_left(table: Table) -> None:
    for n in range(4):
        put(table, Key("JOB#a", f"PAGE#{n}"))
    assert table.query(Query("JOB#a", limit=4)).after is None
    assert [len(page) for page in walk(table, Query("JOB#a", limit=2))] == [2, 2]


def test_a_cursor_survives_the_items_around_it(table: Table) -> None:
    for n in range(5):
        put(table, Key("JOB#a", f"EDGE#{n}"))
    page = table.query(Query("JOB#a", begins="EDGE#", limit=2))
    for n in (1, 2):
        table.write(Delete(Key("JOB#a", f"EDGE#{n}")))
    assert sks(table, Query("JOB#a", begins="EDGE#", after=page.after)) == ["EDGE#3", "EDGE#4"]


@pytest.mark.parametrize(
    "query",
    [
        Query(""),
        Query("p", index="nonsense"),
        Query("p", begins="a", low="b"),
        Query("p", low=5),
        Query("D", index="by_due", low="5"),
        Query("D", index="by_due", begins="5"),
        Query("p", limit=0),
        Query("p", after="hostile"),
        Query("p", after="é"),
        Query("p", after="WzFd"),
    ],
    ids=repr,
)
def test_a_query_that_cannot_be_asked_is_refused(table: Table, query: Query) -> None:
    with pytest.raises(ValueError):
        table.query(query)


def test_a_cursor_of_another_query_is_refused(table: Table) -> None:
    for n in range(2):
        put(table, Key("JOB#a", f"E{n}"), due_shard="D", due_at=n)
    of_table = table.query(Query("JOB#a", limit=1)).after
    of_index = table.query(Query("D", index="by_due", limit=1)).after
    for query in (
        Query("JOB#b", after=of_table),
        Query("D", index="by_due", after=of_table),
        Query("JOB#a", after=of_index),
        Query("D", index="by_due", low=1, after=of_index),
        Query("JOB#a", begins="F", after=of_table),
    ):
        with pytest.raises(ValueError):
            table.query(query)
