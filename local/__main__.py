"""`python -m local up|demo|down|status|env|smoke`: the local platform, and the smoke run on AWS."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from local.errors import PlatformError
from local.platform import STATE, LocalPlatform, find, stop, up
from local.running import why_it_ended

ROOT = Path(__file__).resolve().parents[1]
START = "start it with `make up`"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start it, or bring a running one up to date")
    start.add_argument("--auth", action="store_true", help="enforce IAM, as AWS does")
    commands.add_parser("demo", help="start it if need be, run real jobs, and show what they did")
    commands.add_parser("down", help="stop everything")
    commands.add_parser("status", help="say what runs")
    commands.add_parser("env", help="print variables for `eval $(…)`")
    smoke = commands.add_parser("smoke", help="prove it on an AWS account, and remove it again")
    smoke.add_argument("--yes", action="store_true", help="do not ask")
    smoke.add_argument("--minutes", type=int, default=45, help="remove everything after so many")
    smoke.add_argument("--clean", metavar="NAME", help="remove what a killed run left")
    options = parser.parse_args()
    try:
        if options.command == "smoke":
            return _smoke(options)
        return _up(options.auth) if options.command == "up" else COMMANDS[options.command]()
    except PlatformError as error:
        print(f"batchyard: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("batchyard: interrupted; nothing is left running", file=sys.stderr)
    except ModuleNotFoundError as error:
        print(f"batchyard: {error.name} is not installed: run `make setup`", file=sys.stderr)
    return 1


def _up(auth: bool) -> int:
    began = time.monotonic()
    platform = up(ROOT, auth=auth)
    print(f"Up after {time.monotonic() - began:.1f} s")
    _tell(platform)
    return 0


def _down() -> int:
    print("Stopped" if stop(ROOT / STATE) else "Nothing was running")
    return 0


def _demo() -> int:
    from local.demo import demo

    return demo(ROOT)


def _smoke(options: argparse.Namespace) -> int:
    from local.smoke import run

    if options.clean:
        return run.clean(ROOT, options.clean, yes=options.yes)
    return run.smoke(ROOT, yes=options.yes, minutes=options.minutes)


def _status() -> int:
    platform = find(ROOT / STATE)
    if platform is None:
        why = why_it_ended(ROOT / STATE)
        print(f"The local platform is not running{f' ({why})' if why else ''}: {START}")
        return 1
    _tell(platform)
    return 0


def _env() -> int:
    platform = find(ROOT / STATE)
    if platform is None:
        raise PlatformError(f"The local platform is not running: {START}.")
    for name, value in platform.environment().items():
        print(f"export {name}={value}")
    return 0


def _tell(platform: LocalPlatform) -> None:
    for name, value in (
        ("AWS Batch", platform.batch_endpoint),
        ("AWS", platform.aws_endpoint),
        ("Job queues", ", ".join(platform.job_queues)),
        ("Containers", platform.runtime),
        ("All of it", str(Path(platform.state) / "local.json")),
    ):
        print(f"  {name + ':':12} {value}")


COMMANDS = {"demo": _demo, "down": _down, "status": _status, "env": _env}

if __name__ == "__main__":
    sys.exit(main())
