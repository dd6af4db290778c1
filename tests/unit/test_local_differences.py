"""docs/local-differences.md has a line for every difference that a contract test is marked with."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "local-differences.md"
MARK = re.compile(r'mark\.(?:differs|senseless)\(\s*"(\w+)",\s*(?:"([^"]+)"|(\w+))')


def marked() -> set[tuple[str, str]]:
    """(world, why) of every mark in the contract suite."""
    found = set()
    for file in (ROOT / "tests" / "contract").glob("test_*.py"):
        text = file.read_text()
        for world, said, named in MARK.findall(text):
            constant = re.search(rf'^{named} = "([^"]+)"', text, re.MULTILINE) if named else None
            found.add((world, said or (constant[1] if constant else named)))
    return found - {("memory", "is about what SQS is asked for")}


def test_every_difference_is_written_down():
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    for world, why in marked():
        assert any(f"| {world} | {why}" in row for row in rows), f"{world}: {why}"


def test_no_difference_is_written_down_that_no_test_pins():
    section = PAGE.read_text().split("## Pinned by a test")[1].split("\n## ")[0]
    told = set(re.findall(r"^\| \w+ \| (\w+) \| ([^:|]+):", section, re.MULTILINE)) - {
        ("world", "differs")
    }
    assert told == marked()
