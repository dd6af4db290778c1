"""The zip that every function runs: whole, alone, small, and the same each time."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from stacks.constructs import asset

ROOT = Path(__file__).resolve().parents[2]
HANDLERS = sorted(
    path.stem
    for path in (ROOT / "lambdas" / "handlers").glob("*.py")
    if path.stem
    in {"api", "intake", "relay", "schedule", "launch", "track", "reconcile", "declare"}
)


def test_a_source_zip_holds_our_code_and_nothing_else(tmp_path: Path) -> None:
    names = zipfile.ZipFile(asset.build("source", tmp_path)).namelist()
    assert "lambdas/settings.py" in names
    assert {name.split("/")[0] for name in names} == {"lambdas"}
    assert not [name for name in names if "__pycache__" in name]


def test_the_same_sources_make_the_same_zip(tmp_path: Path) -> None:
    one, two = (asset.build("source", tmp_path / n) for n in ("one", "two"))
    assert one.name == two.name
    assert one.read_bytes() == two.read_bytes()


def test_a_zip_that_is_there_is_not_built_again(tmp_path: Path) -> None:
    first = asset.build("source", tmp_path)
    first.write_bytes(b"kept")
    assert asset.build("source", tmp_path).read_bytes() == b"kept"


@pytest.mark.slow
def test_every_handler_is_imported_from_the_built_zip_alone(tmp_path: Path) -> None:
    """In a bare interpreter: no virtual environment, no checkout, no user site."""
    built = asset.build("vendored")
    assert built.stat().st_size < 15_000_000
    zipfile.ZipFile(built).extractall(tmp_path)
    program = (
        "import sys, importlib\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        f"for name in {HANDLERS!r}:\n"
        "    module = importlib.import_module(f'lambdas.handlers.{name}')\n"
        "    assert callable(module.handler)\n"
        "import boto3, botocore\n"
        f"assert boto3.__file__.startswith({str(tmp_path)!r})\n"
        "session = boto3.session.Session()\n"
        "for service in ('batch', 'dynamodb', 'ecs', 's3', 'sqs', 'stepfunctions'):\n"
        "    session.client(service, region_name='us-east-1')\n"
    )
    bare = {"PATH": os.environ["PATH"], "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "1"}
    done = subprocess.run(
        [getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-c", program],
        cwd=tmp_path,
        env=bare,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(HANDLERS) == 8


@pytest.mark.slow
def test_nothing_in_the_zip_is_bound_to_this_machine() -> None:
    """Functions run on arm64: a compiled file must be for it."""
    compiled = [
        name
        for name in zipfile.ZipFile(asset.build("vendored")).namelist()
        if name.endswith((".so", ".pyd", ".dylib")) and "aarch64" not in name
    ]
    assert compiled == []
