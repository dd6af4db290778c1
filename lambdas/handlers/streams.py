"""Records of a table's stream, in the dialect in which Lambda delivers them."""

from __future__ import annotations

from typing import Any

from lambdas.adapters.aws.wire import from_wire
from lambdas.core.ports import Journal
from lambdas.core.tables import Change, Key

#: A change and its sequence number.
Record = tuple[Change, str]


def changes_of(event: dict[str, Any], journal: Journal) -> list[Record]:
    """The changes of a stream batch, in order; records that cannot be read are counted and let go."""
    records: list[Record] = []
    for record in event.get("Records", ()):
        try:
            records.append(_read(record["dynamodb"]))
        except (KeyError, TypeError, ValueError) as error:
            journal.warn("malformed stream record", error=repr(error))
            journal.count("MalformedRecords")
    return records


def answer_for(failed: Record | None) -> dict[str, Any]:
    """Lambda's partial answer: retry from this record on; None when all went well."""
    return {"batchItemFailures": [{"itemIdentifier": failed[1]}] if failed else []}


def _read(told: dict[str, Any]) -> Record:
    keys = from_wire(told["Keys"])
    old, new = told.get("OldImage"), told.get("NewImage")
    change = Change(
        Key(keys["pk"], keys["sk"]),
        from_wire(old) if old else None,
        from_wire(new) if new else None,
    )
    return change, told["SequenceNumber"]
