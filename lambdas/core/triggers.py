"""S3 triggers: which uploads start a job, what the job is told, and which triggers would never end.

A trigger is an item of the catalog. Its `request` is a SubmitJob request; each upload that matches
makes one job of it, and the job learns of the object by parameters (`inputBucket`, `inputKey`,
`inputVersion`, `inputEtag`, `inputSize`) and by variables (`BATCHYARD_INPUT_BUCKET`, …).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.core.catalog import TRIGGERS
from lambdas.core.errors import ClientError, InvalidRequest, shown
from lambdas.core.job import SCHEMA
from lambdas.core.tables import Item, Key, Query

#: AWS Batch's longest job name, and what else than its alphabet becomes a hyphen.
LONGEST_NAME = 128

#: S3's longest bucket name, of its first years.
LONGEST_BUCKET = 255
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")

#: Where a request may say that its job writes: parameters, and variables of the container.
_OUTPUT_BUCKETS = ("outputBucket", "OUTPUT_BUCKET", "BATCHYARD_OUTPUT_BUCKET")
_OUTPUT_PREFIXES = ("outputPrefix", "OUTPUT_PREFIX", "BATCHYARD_OUTPUT_PREFIX")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One object that came into being, as S3's event says; what it does not say is empty.

    The key is the object's own: unlike S3's direct notifications, S3's events on EventBridge do
    not URL-encode it.
    """

    bucket: str
    key: str
    version: str = ""
    etag: str = ""
    size: int = 0
    sequencer: str = ""

    @classmethod
    def of(cls, detail: Mapping[str, Any]) -> Upload:
        """Read the event's `detail`. Raises ClientError when it names no object."""
        bucket, found = detail.get("bucket"), detail.get("object")
        if not isinstance(bucket, Mapping) or not isinstance(found, Mapping):
            raise ClientError("detail names no bucket and object: an S3 event does.")
        size = found.get("size", 0)
        name = text_of("detail.bucket.name", bucket.get("name"))
        if len(name) > LONGEST_BUCKET:
            raise InvalidRequest(
                "detail.bucket.name", name, f"at most {LONGEST_BUCKET} characters are allowed."
            )
        return cls(
            bucket=name,
            key=text_of("detail.object.key", found.get("key")),
            version=str(found.get("version-id") or ""),
            etag=str(found.get("etag") or ""),
            size=size if type(size) is int else 0,
            sequencer=str(found.get("sequencer") or ""),
        )

    def facts(self) -> tuple[tuple[str, str], ...]:
        """What a job is told of the object, by the last word of each name."""
        return (
            ("Bucket", self.bucket),
            ("Key", self.key),
            ("Version", self.version),
            ("Etag", self.etag),
            ("Size", str(self.size)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Uploads to `bucket` whose key has this prefix and suffix make a job of `request`."""

    id: str
    bucket: str
    prefix: str = ""
    suffix: str = ""
    request: Mapping[str, Any]

    @classmethod
    def of(cls, item: Item) -> Trigger:
        return cls(
            id=item["sk"].partition("#")[2],
            bucket=item["bucket"],
            prefix=item.get("prefix", ""),
            suffix=item.get("suffix", ""),
            request=item["request"],
        )

    def item(self) -> dict[str, Any]:
        """The catalog's item, without who declared it."""
        key = trigger_key(self.bucket, self.id)
        parts = {"bucket": self.bucket, "prefix": self.prefix, "suffix": self.suffix}
        return {"pk": key.pk, "sk": key.sk, "schema": SCHEMA, **parts, "request": self.request}

    def matches(self, upload: Upload) -> bool:
        """The object is in the bucket, and both ends of its key fit, without sharing a character."""
        return (
            upload.bucket == self.bucket
            and upload.key.startswith(self.prefix)
            and upload.key.endswith(self.suffix)
            and len(upload.key) >= len(self.prefix) + len(self.suffix)
        )

    def submission(self, upload: Upload) -> dict[str, Any]:
        """The SubmitJob request for one object; what the object says wins over the template."""
        overrides = dict(self.request.get("containerOverrides") or {})
        told = {f"BATCHYARD_INPUT_{name.upper()}": value for name, value in upload.facts()}
        kept = [v for v in overrides.get("environment") or () if v.get("name") not in told]
        added = [{"name": name, "value": value} for name, value in told.items()]
        overrides["environment"] = [*kept, *added]
        parameters = {f"input{name}": value for name, value in upload.facts()}
        return {
            **self.request,
            "jobName": job_name(self.request.get("jobName") or self.id, upload.key),
            "parameters": {**(self.request.get("parameters") or {}), **parameters},
            "containerOverrides": overrides,
        }

    def token(self, upload: Upload) -> str:
        """The same for every delivery of one upload, another for the next upload of its key."""
        told = (self.id, *upload.facts(), upload.sequencer)
        text = json.dumps(told, separators=(",", ":"))
        return f"s3-{hashlib.sha256(text.encode()).hexdigest()}"


def trigger_key(bucket: str, trigger: str) -> Key:
    return Key(TRIGGERS, f"{bucket}#{trigger}")


def triggers_of(bucket: str, after: str | None = None) -> Query:
    """The triggers of a bucket, in order of id."""
    return Query(TRIGGERS, begins=f"{bucket}#", after=after)


def job_name(base: str, key: str) -> str:
    """`base` and the object's name, in the alphabet and length of a job's name."""
    name = _UNSAFE.sub("-", key.rstrip("/").rsplit("/", 1)[-1]).strip("-")
    return f"{base}-{name}"[:LONGEST_NAME].rstrip("-") if name else base[:LONGEST_NAME]


def check_ends(trigger: Trigger) -> None:
    """Refuse a trigger whose job writes where its own uploads come from: it would fire itself.

    Only what the request says can be known: an output bucket among its parameters or variables.
    A suffix is no defence, since the names of what a job writes are not known.
    """
    for bucket, prefix in _outputs(trigger.request):
        overlap = prefix.startswith(trigger.prefix) or trigger.prefix.startswith(prefix)
        if bucket == trigger.bucket and overlap:
            raise ClientError(
                f"Trigger {shown(trigger.id)} could fire itself: its job writes to "
                f"s3://{bucket}/{prefix}, and uploads to s3://{trigger.bucket}/{trigger.prefix} "
                "start it. Write to another bucket, or under another prefix."
            )


def _outputs(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every (bucket, prefix) the request says its job writes to."""
    variables = (request.get("containerOverrides") or {}).get("environment") or ()
    places = (
        request.get("parameters") or {},
        {v.get("name"): v.get("value", "") for v in variables},
    )
    for place in places:
        prefix = next((place[name] for name in _OUTPUT_PREFIXES if name in place), "")
        yield from ((place[name], prefix) for name in _OUTPUT_BUCKETS if name in place)


def text_of(field: str, value: object) -> str:
    """`value`, if it is text with something in it. Raises InvalidRequest naming `field`."""
    if not isinstance(value, str) or not value:
        raise InvalidRequest(field, value, "a text is needed.")
    return value
