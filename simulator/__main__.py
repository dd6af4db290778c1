"""`python -m simulator COMMAND`: the commands are the modules `simulator.command_*`.

python -m simulator faults --seeds 10000 --json
python -m simulator replay --seed 4711
python -m simulator run --jobs 1000000
python -m simulator simulate --workflow FILE
python -m simulator mutants
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from simulator import (
    command_faults,
    command_mutants,
    command_replay,
    command_run,
    command_simulate,
)

#: Each adds its subparser with `register`, and says there by `run` what is called for it.
COMMANDS = (command_faults, command_replay, command_run, command_simulate, command_mutants)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.register(subparsers)
    asked = parser.parse_args(arguments)
    status: int = asked.run(asked)
    return status


if __name__ == "__main__":
    sys.exit(main())
