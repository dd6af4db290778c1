"""What is no request: odd bytes, paths, methods, headers and query strings."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import strategies as st

from tests.handlers.fuzzing.requests import SOME_TEXT
from tests.handlers.fuzzing.shapes import ARN, OPERATIONS
from tests.handlers.fuzzing.spoil import RAW
from tests.handlers.http_events import event

Event = dict[str, Any]

METHODS = ("POST", "GET", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW")
_URIS = sorted({operation["http"]["requestUri"] for operation in OPERATIONS.values()})
_ODD_PATHS = (
    *("", "/", "//", "/v1", "/v1/", "/v2/submitjob", "/v1/submitjob/", "/V1/SubmitJob", "/v1/tags"),
    *("/v1/tags/", "/v1//submitjob", "/v1/../v1/submitjob", "/v1/submitjob?x", "/v1/submitjob#x"),
    *("/v1/sub\nmitjob", "\n/v1/submitjob", "/v1/submitjob\n", "/v1/té\x00st", "/v1/tags/\n", "/%"),
    *(
        "/v1/submitjob%00",
        "/v1/%73ubmitjob",
        "/$default/v1/submitjob",
        "/v1/" + "x" * 9000,
        "\ud800",
    ),
)
PATHS = st.sampled_from([*_URIS, *_ODD_PATHS]) | SOME_TEXT.map("/v1/{}".format)

_KINDS = st.sampled_from(
    ["job", "job-definition", "job-queue", "compute-environment", "secret", "", "scheduling-policy"]
)
_ODD_NAMES = st.sampled_from(
    [
        *(
            "default",
            "fargate",
            "task",
            "task:1",
            "task:1:1",
            "task:x",
            "",
            "/",
            "..",
            "../default",
        ),
        *("default/../default", "default\n", "%2e%2e%2fdefault", "%00", "%ff", "%", "default%0a"),
        *(
            "default?x=1",
            "default#x",
            "DEFAULT",
            "default ",
            " default",
            "*",
            "é",
            "\U0001f600",
            "x#1",
        ),
        *("a:0", "0" * 199, "0" * 201, "x" * 9000, "job/x", "arn:aws:batch:x", "TAGS", "\ud800"),
    ]
)


@st.composite
def arns(draw: st.DrawFn) -> str:
    """Nearly ARNs: of other accounts and kinds, climbing out of theirs, encoded once and twice."""
    start = draw(st.sampled_from([ARN, ARN.upper(), ARN.replace("us-east", "eu-west"), "arn:", ""]))
    arn = f"{start}:{draw(_KINDS)}/{draw(_ODD_NAMES | SOME_TEXT)}"
    match draw(st.sampled_from(["as it is", "encoded", "twice"])):
        case "encoded":
            return arn.replace(":", "%3A").replace("/", "%2F")
        case "twice":
            return arn.replace(":", "%253A").replace("/", "%252F")
    return arn


_QUERIES = st.sampled_from(
    [
        *(
            "",
            "tagKeys=a",
            "tagKeys=a&tagKeys=b&tagKeys=a",
            "tagKeys=",
            "tagKeys",
            "tagkeys=a",
            "&&&",
        ),
        *("tagKeys=%ff%fe", "tagKeys=%00", "tagKeys=a%26b", "tagKeys=a+b", "x=y", "=", "tagKeys=%"),
        *(
            "tagKeys=a;tagKeys=b",
            "&".join(f"tagKeys=k{n}" for n in range(60)),
            "tagKeys=" + "x" * 5000,
        ),
        *("tagKeys=aws%3Ax", "tagKeys=batchyard%3Abackoff", "tagKeys=\ud800", "tagKeys[]=a"),
    ]
)
_TAG_BODIES = st.sampled_from(
    [None, "", "{}", '{"tags": {"a": "b"}}', '{"tags": null}', '{"resourceArn": "x"}', "[", "{"]
)


@st.composite
def tag_calls(draw: st.DrawFn) -> Event:
    """Calls under /v1/tags/."""
    method = draw(st.sampled_from(["GET", "POST", "DELETE", "DELETE", "PUT"]))
    path = f"/v1/tags/{draw(arns())}"
    return event(path, draw(_TAG_BODIES), method, rawQueryString=draw(_QUERIES))


BYTES = (
    st.binary(max_size=40)
    | st.sampled_from(
        [b"\xff\xfe{}", "{}".encode("utf-16"), b"\xef\xbb\xbf{}", b"\x00", b"\x1f\x8b"]
    )
    | st.sampled_from(RAW).map(str.encode)
    | st.sampled_from(
        ["{}", "[]", "null", '"x"', "1", "true", "", " ", "{}{}", "<xml/>", "a=b"]
    ).map(str.encode)
)
_HEADERS = st.sampled_from(
    [
        {},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": ""},
        {"content-encoding": "gzip"},
        {"origin": "https://evil.example", "access-control-request-method": "POST"},
        {"amz-sdk-invocation-id": "x" * 100_000},
        {"amz-sdk-invocation-id": "\r\nset-cookie: a"},
        {"amz-sdk-invocation-id": ""},
        {"x-http-method-override": "DELETE", "x-forwarded-path": "/admin"},
        {f"x-{n}": "y" * 100 for n in range(300)},
    ]
)


@st.composite
def calls(draw: st.DrawFn) -> Event:
    """Any bytes, anywhere, in any way."""
    raw, body, encoded = draw(BYTES), None, draw(st.booleans())
    if encoded:
        body = base64.b64encode(raw).decode()
        body = draw(st.sampled_from([body, body[:-1], f"{body}=", f"é{body}", json.dumps(body)]))
    else:
        body = raw.decode("utf-8", draw(st.sampled_from(["replace", "surrogateescape"])))
    path, method = draw(PATHS), draw(st.sampled_from(METHODS))
    made = event(path, draw(st.just(body) | st.none()), method, isBase64Encoded=encoded)
    made["headers"] |= draw(_HEADERS)
    return made
