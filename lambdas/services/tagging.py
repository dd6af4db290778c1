"""Tags of jobs and of what the catalog holds, by ARN.

A job's request never changes, so tags that are changed later lie in an item of their own, and
stand for all of its tags from then on (`job_tags`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lambdas.core import extensions, rules
from lambdas.core.catalog import Arns
from lambdas.core.errors import ClientError, InvalidRequest, shown
from lambdas.core.job import SCHEMA, partition, state_key
from lambdas.core.ports import Clock, Table
from lambdas.core.tables import Absent, Equals, Item, Key, Put
from lambdas.services.catalog_entries import Author, changed, insistent
from lambdas.services.catalog_store import CatalogStore
from lambdas.services.specs import Specs

Tags = dict[str, str]


def tags_key(job: str) -> Key:
    """Where changed tags of a job lie: beside its STATE and SPEC."""
    return Key(partition(job), "TAGS")


def job_tags(submitted: Mapping[str, str], item: Item | None) -> Tags:
    """A job's tags: as changed, else as submitted."""
    return dict(item["tags"] if item else submitted)


class TaggingService:
    """ListTagsForResource, TagResource, UntagResource."""

    def __init__(
        self,
        *,
        catalog: Table,
        jobs: Table,
        store: CatalogStore,
        specs: Specs,
        clock: Clock,
        arns: Arns,
    ) -> None:
        self._catalog = catalog
        self._jobs = jobs
        self._store = store
        self._specs = specs
        self._clock = clock
        self._arns = arns

    def list(self, body: Mapping[str, Any]) -> dict[str, Any]:
        arn = body["resourceArn"]
        kind, name = self._parts(arn)
        if kind == "job":
            return {"tags": self._of_job(name)[0]}
        return {"tags": dict(self._entry(kind, arn)["detail"].get("tags", {}))}

    def tag(self, body: Mapping[str, Any], author: Author) -> dict[str, Any]:
        """Add tags, or give those that are there another value."""
        rules.tags("tags", body["tags"])
        kind = self._check_ours(body["resourceArn"], body["tags"])
        if kind == "job-definition":
            extensions.read(body["tags"], "tags", of_job=False)
        self._change(body["resourceArn"], body["tags"], (), author)
        return {}

    def untag(self, body: Mapping[str, Any], author: Author) -> dict[str, Any]:
        """Take tags away; one that is not there is no error."""
        self._check_ours(body["resourceArn"], body["tagKeys"])
        self._change(body["resourceArn"], {}, body["tagKeys"], author)
        return {}

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _check_ours(self, arn: str, keys: Iterable[str]) -> str:
        """The kind of resource; of a job, our own tags were read when it was submitted."""
        kind, _ = self._parts(arn)
        ours = next((key for key in keys if key.startswith(extensions.PREFIX)), None)
        if kind == "job" and ours:
            raise ClientError(
                f"{shown(ours)} says how a job is run: it is read when the job is submitted, and "
                "cannot be changed after that."
            )
        return kind

    def _change(
        self, arn: str, put: Mapping[str, str], drop: Sequence[str], author: Author
    ) -> None:
        kind, name = self._parts(arn)
        if kind == "job":
            insistent(lambda: self._write_job(name, put, drop, author))
        else:
            insistent(lambda: self._write_entry(kind, arn, put, drop, author))

    def _write_entry(
        self, kind: str, arn: str, put: Mapping[str, str], drop: Sequence[str], author: Author
    ) -> None:
        item = self._entry(kind, arn)
        tags = _merged(item["detail"].get("tags", {}), put, drop)
        detail = {**item["detail"], "tags": tags}
        self._catalog.write(changed(item, detail, author, self._clock.now()))

    def _write_job(
        self, job: str, put: Mapping[str, str], drop: Sequence[str], author: Author
    ) -> None:
        submitted, item = self._of_job(job)
        key, version = tags_key(job), item["version"] if item else 0
        new = {
            "pk": key.pk,
            "sk": key.sk,
            "schema": SCHEMA,
            "tags": _merged(submitted, put, drop),
            "version": version + 1,
            "changed_by": author.caller,
            "changed_at": self._clock.now(),
        }
        if expires := (self._jobs.get(state_key(job)) or {}).get("expires"):
            new["expires"] = expires
        seen = Equals("version", version) if item else Absent("pk")
        self._jobs.write(Put(new, when=(seen,)))

    def _of_job(self, job: str) -> tuple[Tags, Item | None]:
        """A job's tags as they are now, and the item that holds them if they were changed."""
        item = self._jobs.get(tags_key(job))
        return job_tags(self._specs.load(job).tags, item), item

    def _entry(self, kind: str, arn: str) -> Item:
        match kind:
            case "job-queue":
                return self._store.queue_item(arn)
            case "compute-environment":
                return self._store.environment_item(arn)
            case "scheduling-policy":
                return self._store.policy_item(arn)
            case _:
                return self._store.definition_item(arn)

    def _parts(self, arn: str) -> tuple[str, str]:
        """Kind and name in one of this deployment's ARNs."""
        ours = self._arns.job("")[: -len("job/")]
        kind, _, name = arn.removeprefix(ours).partition("/")
        if not arn.startswith(ours) or kind not in _KINDS or not name or len(name) > 200:
            raise InvalidRequest(
                "resourceArn", arn, "the ARN of a job, job definition, job queue, compute "
                f"environment or scheduling policy is needed ({ours}…)."
            )  # fmt: skip
        if kind == "job-definition" and ":" not in name:
            raise InvalidRequest("resourceArn", arn, "the ARN of one revision is needed.")
        if kind == "job" and not name.replace("-", "").isalnum():
            raise ClientError(f"resourceArn is {shown(arn)}: child jobs cannot be tagged.")
        return kind, name


_KINDS = ("job", "job-definition", "job-queue", "compute-environment", "scheduling-policy")


def _merged(tags: Mapping[str, str], put: Mapping[str, str], drop: Sequence[str]) -> Tags:
    merged = {**tags, **put}
    for key in drop:
        merged.pop(key, None)
    rules.tags("tags", merged)
    return merged
