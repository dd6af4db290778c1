"""The Blobs port."""

from __future__ import annotations

import pytest

from lambdas.core.ports import Blobs


def test_content_comes_back(blobs: Blobs) -> None:
    blobs.put("specs/a b/é", b"\x00\xff")
    assert blobs.get("specs/a b/é") == b"\x00\xff"
    blobs.put("specs/a b/é", b"")
    assert blobs.get("specs/a b/é") == b""


def test_what_is_not_there_is_a_key_error(blobs: Blobs) -> None:
    with pytest.raises(KeyError):
        blobs.get("nothing")
