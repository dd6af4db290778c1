"""`batchyard history`: keep what a deployed platform did as a workload file, for `simulate`."""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from simulator.workloads.files import write_lines
from simulator.workloads.history import read_history
from simulator.workloads.model import WorkloadError

_MILLISECONDS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


def register(subparsers: Any) -> None:
    """Add `history` to argparse's subparsers."""
    parser = subparsers.add_parser("history", help="keep a platform's jobs as a workload file")
    parser.add_argument("--queue", action="append", required=True, metavar="NAME")
    parser.add_argument("--since", default="1d", metavar="AGE", help="90m, 12h or 7d (1d)")
    parser.add_argument("--endpoint", metavar="URL", help="of the AWS Batch API")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """0, or 1 after one sentence that says what is wrong."""
    try:
        since = int(time.time() * 1000) - age_of(asked.since)
        client: Any = boto3.client("batch", endpoint_url=asked.endpoint)
        history = read_history(client, asked.queue, since)
        write_lines(history.lines, asked.out)
    except (WorkloadError, ClientError, BotoCoreError) as error:
        print(f"batchyard: {error}", file=sys.stderr)
        return 1
    print(f"{len(history.lines):,} jobs: {asked.out}")
    for why, jobs in history.left_out.items():
        print(f"{jobs:,} jobs {why}, and are left out")
    return 0


def age_of(text: str) -> int:
    """`90m`, `12h`, `7d` in milliseconds. Raises WorkloadError."""
    match = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if not match:
        raise WorkloadError(f"--since is {text!r}: an age such as 90m, 12h or 7d is needed.")
    return int(match[1]) * _MILLISECONDS[match[2]]
