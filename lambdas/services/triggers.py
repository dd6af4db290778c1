"""S3 triggers in the catalog: which there are, made and removed by declarations in code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lambdas.core import rules
from lambdas.core.errors import ClientError
from lambdas.core.extensions import PREFIX
from lambdas.core.ports import Table
from lambdas.core.tables import Delete, Put
from lambdas.core.triggers import (
    Trigger,
    Upload,
    check_ends,
    text_of,
    trigger_key,
    triggers_of,
)
from lambdas.services.catalog_entries import Author

_FIELDS = frozenset({"id", "bucket", "prefix", "suffix", "submitJob"})


class TriggerService:
    """The S3 triggers of one deployment."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, upload: Upload) -> Iterator[Trigger]:
        """Every trigger that this upload fires; read strongly."""
        after = None
        while True:
            page = self._table.query(triggers_of(upload.bucket, after))
            yield from (t for t in map(Trigger.of, page.items) if t.matches(upload))
            if (after := page.after) is None:
                return

    def declare(self, detail: Mapping[str, Any], author: Author) -> Trigger:
        """Make the trigger as `detail` says, whatever it was. Raises ClientError."""
        trigger = trigger_of(detail)
        stamp = {"managed": True, "declared_by": author.declared_by, "changed_by": author.caller}
        self._table.write(Put({**trigger.item(), **stamp}))
        return trigger

    def retire(self, bucket: str, trigger: str) -> None:
        """Uploads start nothing any more; one that is gone is no error."""
        self._table.write(Delete(trigger_key(bucket, trigger)))


def trigger_of(detail: Mapping[str, Any]) -> Trigger:
    """The trigger that `detail` declares: {id, bucket, prefix, suffix, submitJob}.

    Raises ClientError for one that could fire itself, and for one whose uploads would all be one
    job. `submitJob` is checked against the service model by the caller.
    """
    unknown = sorted(set(detail) - _FIELDS)
    if unknown:
        raise ClientError(f"Detail has no {unknown[0]}: {', '.join(sorted(_FIELDS))} are allowed.")
    request = detail.get("submitJob")
    if not isinstance(request, dict):
        raise ClientError("Detail.submitJob is required: a SubmitJob request.")
    trigger = Trigger(
        id=text_of("Detail.id", detail.get("id")),
        bucket=text_of("Detail.bucket", detail.get("bucket")),
        prefix=str(detail.get("prefix") or ""),
        suffix=str(detail.get("suffix") or ""),
        request=request,
    )
    rules.name("Detail.id", trigger.id)
    if f"{PREFIX}client-token" in (request.get("tags") or {}):
        raise ClientError(
            f"Detail.submitJob.tags has {PREFIX}client-token: every upload would be the same job."
        )
    check_ends(trigger)
    return trigger
