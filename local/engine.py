"""A private Docker engine for tests, and an image for it; nothing is installed here.

    python -m local.engine start DIR      prints DOCKER_HOST=… of an engine that answers
    python -m local.engine image NAME     makes a small test image without a registry
    python -m local.engine stop DIR

The engine needs `dockerd` (Debian: docker.io) and root. It has no bridge and no firewall rules:
containers use the host's network, as the container agent wants them to.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

from local.errors import PlatformError

READY = 60.0  #: seconds a fresh engine may take
QUIET = ("--iptables=false", "--ip6tables=false", "--bridge=none", "--ip-forward=false")


def start(directory: Path) -> str:
    """Start an engine that keeps everything below `directory`; its DOCKER_HOST.

    Raises PlatformError with the engine's last words when it does not come up.
    """
    directory.mkdir(parents=True, exist_ok=True)
    host = f"unix://{directory}/docker.sock"
    if answers(host):
        return host
    program = shutil.which("dockerd")
    if program is None:
        raise PlatformError("dockerd is missing: install docker.io.")
    problems = []
    for driver in ("overlay2", "vfs"):
        process = _launch(program, directory, host, driver)
        if _comes_up(process, host):
            return host
        process.kill()
        process.wait()
        lines = (directory / "dockerd.log").read_text(errors="replace").strip().splitlines()
        problems.append(f"{driver}: {lines[-1][:300] if lines else 'it said nothing'}")
    raise PlatformError(f"dockerd does not come up: {'; '.join(problems)}")


def _launch(program: str, directory: Path, host: str, driver: str) -> subprocess.Popen[bytes]:
    (directory / "pid").unlink(missing_ok=True)
    places = ("--data-root", "data", "--exec-root", "exec", "--pidfile", "pid")
    where = [p if p.startswith("--") else str(directory / p) for p in places]
    with (directory / "dockerd.log").open("wb") as log:
        return subprocess.Popen(
            [program, *where, "-H", host, "--storage-driver", driver, *QUIET],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _comes_up(process: subprocess.Popen[bytes], host: str) -> bool:
    deadline = time.monotonic() + READY
    while process.poll() is None and time.monotonic() < deadline:
        if answers(host):
            return True
        time.sleep(0.2)
    return False


def answers(host: str) -> bool:
    """Whether an engine serves at `host`."""
    try:
        return bool(_client(host).ping())
    except Exception:
        return False


def stop(directory: Path) -> None:
    """End the engine of `directory` and remove what it kept."""
    try:
        pid = int((directory / "pid").read_text())
    except (OSError, ValueError):
        pid = 0
    if pid and _is_engine(pid):
        os.kill(pid, signal.SIGTERM)
        for _ in range(150):
            if not _is_engine(pid):
                break
            time.sleep(0.1)
        else:
            os.kill(pid, signal.SIGKILL)
    for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
        place = line.split()[1]
        if Path(place).is_relative_to(directory):
            subprocess.run(["umount", "-l", place], check=False, capture_output=True)
    shutil.rmtree(directory, ignore_errors=True)


def _is_engine(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"dockerd" in words


def image(name: str, host: str | None = None) -> None:
    """Import an image holding a static busybox and a shell's usual commands.

    Raises PlatformError when there is no busybox to put into it.
    """
    program = shutil.which("busybox")
    if program is None:
        raise PlatformError("busybox is missing: install busybox-static.")
    repository, _, tag = name.partition(":")
    _client(host).api.import_image_from_data(
        _tree(Path(program)), repository=repository, tag=tag or "latest"
    )


def _tree(busybox: Path) -> bytes:
    """A root directory as a tar archive."""
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for directory in ("bin", "etc", "proc", "sys", "dev", "tmp"):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if directory == "tmp" else 0o755
            archive.addfile(entry)
        program = archive.gettarinfo(str(busybox.resolve()), "bin/busybox")
        with busybox.resolve().open("rb") as content:
            archive.addfile(program, content)
        for command in listed.stdout.split():
            if command != "busybox":
                link = tarfile.TarInfo(f"bin/{command}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                archive.addfile(link)
    return packed.getvalue()


def _client(host: str | None) -> Any:
    import docker

    return docker.DockerClient(base_url=host) if host else docker.from_env()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.engine", description=__doc__)
    parser.add_argument("command", choices=("start", "image", "stop"))
    parser.add_argument("what", help="a directory, or the image's name")
    options = parser.parse_args()
    try:
        if options.command == "start":
            print(f"DOCKER_HOST={start(Path(options.what).resolve())}")
        elif options.command == "stop":
            stop(Path(options.what).resolve())
        else:
            image(options.what)
    except PlatformError as error:
        print(f"batchyard: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
