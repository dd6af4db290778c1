"""Keeping and reading what jobs asked for; requests too large for an item lie with the blobs."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from lambdas.core.errors import UnknownResource
from lambdas.core.job import SCHEMA, spec_key
from lambdas.core.ports import Blobs, Table
from lambdas.core.spec import JobSpec
from lambdas.core.tables import Put

#: A SPEC item holds a request up to this size, bytes of JSON; DynamoDB's own bound is 400 KB.
SPEC_LIMIT = 100_000

#: What stays on the item when the rest is a blob: all that idempotency needs.
_KEPT = ("pk", "sk", "schema", "digest", "caller", "queue")


class Specs:
    """The SPEC items of the jobs table, whole wherever they lie."""

    def __init__(self, jobs: Table, blobs: Blobs) -> None:
        self._jobs = jobs
        self._blobs = blobs

    def load(self, job: str) -> JobSpec:
        """What this job asked for. Raises UnknownResource when there is no such job."""
        item = self._jobs.get(spec_key(job))
        if item is None:
            raise UnknownResource(f"Job {job} does not exist.")
        return self.read(item)

    def load_many(self, jobs: list[str]) -> dict[str, JobSpec]:
        """Those of these jobs that exist and can be read, by id (an array's for all its children):
        one without its blob is left out."""
        found = self._jobs.get_many([spec_key(job) for job in jobs])
        specs: dict[str, JobSpec] = {}
        for item in found.values():
            with suppress(KeyError):
                spec = self.read(item)
                specs[spec.job] = spec
        return specs

    def read(self, item: Any) -> JobSpec:
        """The request in a SPEC item, fetched from the blobs when it lies there."""
        if "blob" in item:
            item = json.loads(self._blobs.get(item["blob"]))
        return JobSpec.of(item)

    def birth(self, spec: JobSpec) -> Put:
        """The write that keeps a new job's request, beside STATE's, whose condition holds for both;
        a large one is in the blobs when this returns.

        A blob goes before the item that names it: a crash in between leaves an object that nothing
        names (content-addressed by job and digest, so that a repeat writes the same one).
        """
        item: dict[str, Any] = spec.item() | {"schema": SCHEMA}
        body = json.dumps(item, separators=(",", ":"), ensure_ascii=False).encode()
        if len(body) > SPEC_LIMIT:
            key = f"specs/{spec.job}/{spec.digest}.json"
            self._blobs.put(key, body)
            item = {name: item[name] for name in _KEPT if name in item} | {"blob": key}
        return Put(item)
