"""`make setup`: the virtual environment, made once and again only when requirements change.

Run as a file, by the machine's own Python and with nothing installed: standard library alone.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".installed"
COMMAND = VENV / "bin" / "batchyard"
LOG = ROOT / ".batchyard" / "setup.log"
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt", "lambdas/requirements.txt")
INSTALLED = ("requirements-dev.txt", "lambdas/requirements.txt")
OLDEST = (3, 11)

#: What pip says when nothing answers.
_OFFLINE = (
    "NewConnectionError",
    "NameResolutionError",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "ConnectTimeoutError",
    "ProxyError",
    "Max retries exceeded",
)


class SetupError(Exception):
    """One clear sentence."""


def main() -> int:
    """0 when everything is installed; 1 after one sentence that says why not."""
    try:
        if sys.version_info < OLDEST:
            raise SetupError(f"This is Python {sys.version.split()[0]}: 3.11 or newer is needed.")
        wanted = fingerprint()
        if STAMP.exists() and STAMP.read_text() == wanted and PYTHON.exists():
            write_command()
            return 0
        make_environment()
        install()
        write_command()
        STAMP.write_text(wanted)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: interrupted; the next run goes on.", file=sys.stderr)
        return 130
    return 0


def fingerprint() -> str:
    """Changes with the requirements, with the Python that runs us, and with the place."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {sys.platform} {ROOT}".encode())
    for name in REQUIREMENTS:
        digest.update((ROOT / name).read_bytes() + b"\0")
    return digest.hexdigest()


def make_environment() -> None:
    """A virtual environment of this Python's version with a pip that works; what is there and
    good enough is kept."""
    if PYTHON.exists() and _usable():
        return
    print(f"Making .venv with Python {sys.version.split()[0]}", flush=True)
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return
    if "ensurepip" in done.stdout + done.stderr or "No module named venv" in done.stderr:
        version = ".".join(map(str, sys.version_info[:2]))
        raise SetupError(
            "Python's venv module is not installed: on Debian and Ubuntu, "
            f"`apt-get install python{version}-venv` brings it."
        )
    raise SetupError(f".venv cannot be made: {_last((done.stderr or done.stdout).splitlines())}")


def _usable() -> bool:
    """Made by this version of Python, in this place, and with pip in it."""
    told = "import sys, pip; print(sys.version_info[:2], sys.prefix)"
    done = subprocess.run([str(PYTHON), "-c", told], capture_output=True, text=True)
    return done.stdout.strip() == f"{sys.version_info[:2]} {VENV}"


def install() -> None:
    """pip, with one line of progress that moves and everything else in a log."""
    LOG.parent.mkdir(exist_ok=True)
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--no-input"]
    for name in INSTALLED:
        command += ["-r", str(ROOT / name)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (
        LOG.open("w") as log,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
        ) as pip,
    ):
        assert pip.stdout is not None
        lines = []
        for line in _shown(iter(pip.stdout.readline, "")):
            log.write(line)
            lines.append(line)
    if pip.returncode:
        raise SetupError(_why(lines))
    print("Installed.", flush=True)


def write_command() -> None:
    """`.venv/bin/batchyard`: the command of this checkout, from whatever folder it is called."""
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from cli.__main__ import main"
    words = [str(PYTHON), "-c", f"{start}; sys.exit(main())"]
    wanted = f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'
    if not COMMAND.exists() or COMMAND.read_text() != wanted:
        COMMAND.write_text(wanted)
        COMMAND.chmod(0o755)


def _shown(lines: Iterator[str]) -> Iterator[str]:
    """Pass lines on, and show how far pip is: in place on a terminal, now and then elsewhere."""
    tty, count = sys.stdout.isatty(), 0
    print("Installing what is needed (a minute or two, the first time)", flush=True)
    for line in lines:
        word, _, rest = line.strip().partition(" ")
        if word == "Collecting":
            count += 1
            name = rest.split("=")[0].split("<")[0].split(">")[0].split(" ")[0]
            if tty:
                print(f"\r  {count:3} packages: {name:40.40}", end="", flush=True)
            elif count % 25 == 0:
                print(f"  {count} packages found", flush=True)
        elif line.startswith("Installing collected"):
            print(f"{chr(13) if tty else ''}  {count} packages: unpacking{'':33}", flush=True)
        yield line


def _why(lines: list[str]) -> str:
    where = LOG.relative_to(ROOT)
    if any(word in line for line in lines for word in _OFFLINE):
        return f"The Python package index cannot be reached: is there a network? (see {where})"
    errors = [line for line in lines if line.startswith("ERROR")]
    return f"pip failed: {_last(errors or lines).removeprefix('ERROR: ')} (see {where})"


def _last(lines: list[str]) -> str:
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


if __name__ == "__main__":
    sys.exit(main())
