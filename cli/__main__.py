"""The `batchyard` command (`.venv/bin/batchyard`, or `python -m cli`)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from cli import explain, history
from simulator import command_simulate

#: Each adds its subparser with `register`, and says there by `run` what is called for it.
COMMANDS = (command_simulate, history, explain)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="batchyard", description="AWS Batch in the open.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.register(subparsers)
    asked = parser.parse_args(arguments)
    try:
        status: int = asked.run(asked)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


if __name__ == "__main__":
    sys.exit(main())
