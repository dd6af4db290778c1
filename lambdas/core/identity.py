"""Who a job is: the id that a client token leads to, and the digest that tells requests apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from lambdas.core.errors import ClientError


def job_id_for(deployment: str, caller: str, token: str) -> str:
    """The id of the one job that this caller's client token can make, in the form of a UUID.

    Version 8 of RFC 9562: a UUID by the maker's own rule (SHA-256 of the three, told apart by
    their lengths). So no item is needed to remember the token: the job itself does.
    """
    told = "".join(f"{len(part)}:{part}" for part in (deployment, caller, token))
    digest = bytearray(hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()[:16])
    digest[6] = 0x80 | (digest[6] & 0x0F)
    digest[8] = 0x80 | (digest[8] & 0x3F)
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def digest_of(body: Mapping[str, Any]) -> str:
    """SHA-256 of a request; equal requests have equal digests whatever the order of their members.

    Raises ClientError for text that is not Unicode (half of a surrogate pair): nothing downstream
    could keep it.
    """
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return hashlib.sha256(text.encode()).hexdigest()
    except UnicodeEncodeError as error:
        found = ascii(text[error.start : error.start + 1])
        raise ClientError(f"The request holds {found}, which is no Unicode character.") from None
