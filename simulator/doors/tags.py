"""Tags of every kind of resource, changed by two at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import ClassVar

from simulator.doors.clients import Script, api
from simulator.doors.door import Door, submission


class TagDoor(Door):
    """Each has keys of its own: what it was answered stands, whatever the other does."""

    name: ClassVar[str] = "tags"
    files: ClassVar[frozenset[str]] = frozenset({"tagging", "specs", "catalog_store"})

    def scripts(self) -> Iterator[tuple[int, Script]]:
        self.told: dict[tuple[str, str], str | None] = {}
        arns = self.truth.arns
        self.arns = [arns.queue("default"), arns.environment("spot"), arns.definition("task", 1)]
        begin = self.soon()
        yield begin, self._tags("his")
        yield begin, self._tags("hers")

    def broken(self, excused: Collection[str]) -> Iterator[str]:
        yield from self.ended_well(excused)
        for arn, key in self.told:
            yield from self._wrong(arn, key)

    def _tags(self, key: str) -> Script:
        answer = yield api("SubmitJob", submission("tagged", tags={"first": "1"}), token="tagged")
        if not self.done(answer, "SubmitJob"):
            return
        self.jobs["tagged"] = answer.value["jobId"]
        for number in range(self.draw.randrange(2, 7)):
            arn = self.draw.choice((*self.arns, answer.value["jobArn"], answer.value["jobArn"]))
            if self.draw.random() < 0.3:
                asked = api("UntagResource", {"resourceArn": arn, "tagKeys": [key]})
                value = None
            else:
                value = str(number)
                asked = api("TagResource", {"resourceArn": arn, "tags": {key: value}})
            if self.done((yield asked), "a tag"):
                self.told[arn, key] = value
                self.found += self._wrong(arn, key)
            listed = yield api("ListTagsForResource", {"resourceArn": arn})
            self.expect(
                listed.value["tags"].get(key) == value, f"{key} of {arn} is not {value} when listed"
            )

    def _wrong(self, arn: str, key: str) -> Iterator[str]:
        tags = self.truth.tagging.list({"resourceArn": arn})["tags"]
        if tags.get(key) != self.told[arn, key]:
            yield f"I9: tags: {key} of {arn} was set to {self.told[arn, key]}, it is {tags}"
        if "/tagged" in arn and tags.get("first") != "1":
            yield f"I9: tags: {arn} lost what it was submitted with: {tags}"
