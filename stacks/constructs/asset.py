"""The one zip that every function runs: `lambdas/` and, unless told otherwise, its libraries.

Built without Docker on any machine for arm64: pip takes ready wheels only. The file is the same
for the same inputs, byte by byte, and kept under `.build/` by their digest, so a synthesis that
changes nothing builds nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
SOURCES = ROOT / "lambdas"
REQUIREMENTS = SOURCES / "requirements.txt"

PYTHON = "3.14"
PLATFORM = "manylinux2014_aarch64"

#: botocore's models make up most of the zip; we call these services, and sign in by these.
SERVICES = frozenset(
    {"batch", "cloudformation", "dynamodb", "ecs", "events", "iam", "lambda", "logs", "s3"}
    | {"sqs", "ssm", "sso", "sso-oidc", "stepfunctions", "sts"}
)
_SKIPPED_PARTS = frozenset({"__pycache__", "bin", ".lock"})
_SKIPPED_ENDINGS = (".pyc", ".md", ".pyi", "RECORD", "direct_url.json", "INSTALLER")
_EPOCH = (1980, 1, 1, 0, 0, 0)


class AssetError(RuntimeError):
    """The functions' libraries could not be fetched."""


def build(kind: str = "vendored", build_dir: Path = BUILD) -> Path:
    """The zip for `vendored` (everything) or `source` (our code only), built when it is missing."""
    target = build_dir / f"functions-{kind}-{digest(kind)[:20]}.zip"
    if target.exists():
        return target
    build_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build_dir) as folder:
        stage = Path(folder) / "stage"
        stage.mkdir()
        if kind == "vendored":
            _vendor(stage)
        shutil.copytree(SOURCES, stage / "lambdas", ignore=shutil.ignore_patterns("__pycache__"))
        half = Path(folder) / "half.zip"
        _zip(stage, half)
        os.replace(half, target)
    return target


def digest(kind: str) -> str:
    """The digest of everything that decides the zip's content."""
    told = hashlib.sha256(f"{kind} {PYTHON} {PLATFORM} {sorted(SERVICES)}\n".encode())
    told.update(Path(__file__).read_bytes())
    for path in _files(SOURCES):
        told.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
        told.update(path.read_bytes())
    return told.hexdigest()


def _vendor(target: Path) -> None:
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-compile", "--target", str(target), "--requirement", str(REQUIREMENTS)),
        *("--platform", PLATFORM, "--python-version", PYTHON, "--implementation", "cp"),
        *("--only-binary", ":all:"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssetError(f"the functions' libraries could not be fetched: {done.stderr.strip()}")
    _prune(target / "botocore" / "data")
    _prune(target / "boto3" / "data")


def _prune(data: Path) -> None:
    """Leave only the models of the services we use."""
    for folder in data.iterdir() if data.exists() else ():
        if folder.is_dir() and folder.name not in SERVICES:
            shutil.rmtree(folder)


def _zip(folder: Path, target: Path) -> None:
    """A zip that depends on content alone: sorted names, one date, one mode."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in _files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def _files(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.rglob("*")):
        skipped = _SKIPPED_PARTS.intersection(path.relative_to(folder).parts)
        if path.is_file() and not skipped and not path.name.endswith(_SKIPPED_ENDINGS):
            yield path
