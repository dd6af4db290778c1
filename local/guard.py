"""What a loopback endpoint that runs commands must refuse: anything a web page can send.

A page in the user's browser can reach 127.0.0.1. It cannot leave out `Origin` on what it posts
to another origin, nor `Sec-Fetch-Site`, nor choose `Host` (DNS rebinding puts its own there).
"""

from __future__ import annotations

from collections.abc import Mapping

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
JSON = ("application/json", "application/x-amz-json-1.0", "application/x-amz-json-1.1")


def refusal(headers: Mapping[str, str], port: int, buckets: bool = False) -> str | None:
    """Why a request with these headers (lower-case names) is refused; None when it is not.

    `buckets` allows `<name>.localhost` besides, which is loopback by definition and how S3
    clients write a bucket's host.
    """
    if "origin" in headers:
        return "Origin is set: requests of web pages are not answered here."
    site = headers.get("sec-fetch-site", "none")
    if site != "none":
        return f"Sec-Fetch-Site is '{site[:20]}': requests of web pages are not answered here."
    host = headers.get("host", "").lower()
    name = host.removesuffix(f":{port}")
    bucket = buckets and name.endswith(".localhost")
    if host == name or not (name in LOOPBACK or bucket):
        allowed = ", ".join(f"{h}:{port}" for h in LOOPBACK)
        return f"Host is '{host[:80]}': one of {allowed} is needed."
    return None


def wrong_type(headers: Mapping[str, str]) -> str | None:
    """Why a body of this content type is refused; None when it is JSON."""
    given = headers.get("content-type", "").split(";")[0].strip().lower()
    if given in JSON:
        return None
    return f"Content-Type is '{given[:80]}': one of {', '.join(JSON)} is needed."
