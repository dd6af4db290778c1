"""`batchyard explain JOB`: why a job waits, in one sentence and its numbers."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.client import batch_client


def register(subparsers: Any) -> None:
    """Add `explain` to argparse's subparsers."""
    parser = subparsers.add_parser("explain", help="why a job waits, with numbers")
    parser.add_argument("job", metavar="JOB", help="id or ARN")
    parser.add_argument("--endpoint", metavar="URL", help="of the AWS Batch API")
    parser.add_argument("--json", action="store_true", help="the whole answer")
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """0, or 1 after one sentence that says what is wrong."""
    try:
        answer = batch_client(asked.endpoint).explain(jobId=asked.job)
    except (ClientError, BotoCoreError) as error:
        print(f"batchyard: {error}", file=sys.stderr)
        return 1
    answer.pop("ResponseMetadata", None)
    print(json.dumps(answer, indent=2) if asked.json else told(answer))
    return 0


def told(answer: dict[str, Any]) -> str:
    """The answer for a person: the sentence first, then what stands behind it."""
    lines = [f"{answer['jobName']} is {answer['status']} ({answer['cause']}): {answer['reason']}"]
    lines += [
        f"  {env['reason']}" + ("" if env["enabled"] else " (DISABLED)")
        for env in answer["environments"]
    ]
    lines += [f"  {each['jobId']} is {each['status']}" for each in answer["dependencies"]]
    lines += [
        f"  attempt {each['attempt']} failed ({each['failureClass']}): {each['statusReason']}"
        for each in answer.get("failures", ())
    ]
    return "\n".join(lines)
