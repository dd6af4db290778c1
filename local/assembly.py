"""The real stacks, synthesized for the local cloud; kept while nothing they are made of changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from local import awsclient
from local.errors import PlatformError
from stacks.config import LOCAL_CONTEXT

SOURCES = ("app.py", "cdk.json", "requirements.txt", "stacks", "lambdas", "examples")
SYNTH_TIMEOUT = 300
OUTPUTS = "cdk.out"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file (or a directory, to be zipped) and its key in the assets bucket."""

    path: Path
    key: str

    def content(self) -> bytes:
        if self.path.is_file():
            return self.path.read_bytes()
        packed = self.path.with_suffix(".packed.zip")
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(p for p in self.path.rglob("*") if p.is_file()):
                archive.write(file, file.relative_to(self.path))
        return packed.read_bytes()


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack of the assembly."""

    name: str
    template: str
    assets: tuple[Asset, ...]
    tags: Mapping[str, str]


def synthesize(root: Path, state: Path, context: Mapping[str, Any]) -> tuple[list[Stack], bool]:
    """The stacks in the order to deploy them, and whether they were made anew.

    `context` goes over cdk.json and the local platform's own. Raises PlatformError.
    """
    out = state / OUTPUTS
    stamp = state / "synthesized"
    told = json.dumps({**LOCAL_CONTEXT, **context}, sort_keys=True)
    wanted = fingerprint(root, told)
    fresh = stamp.exists() and stamp.read_text() == wanted and (out / "manifest.json").exists()
    if not fresh:
        stamp.unlink(missing_ok=True)
        shutil.rmtree(out, ignore_errors=True)
        _run_app(root, state, out, told)
        stamp.write_text(wanted)
    return read(out), not fresh


def fingerprint(root: Path, context: str) -> str:
    """Changes when anything does that the templates and the functions' code are made of."""
    digest = sha256(context.encode())
    digest.update(sys.version.encode())
    for path in _files(root):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for name in SOURCES:
        top = root / name
        found = [top] if top.is_file() else sorted(top.rglob("*"))
        yield from (p for p in found if p.is_file() and "__pycache__" not in p.parts)


def _run_app(root: Path, state: Path, out: Path, context: str) -> None:
    log = state / "logs" / "synth.log"
    environment = {
        **awsclient.sealed(os.environ),
        "CDK_OUTDIR": str(out),
        "CDK_CONTEXT_JSON": context,
        "CDK_VALIDATION": "false",
        "CDK_DEFAULT_ACCOUNT": awsclient.ACCOUNT,
        "CDK_DEFAULT_REGION": awsclient.REGION,
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }
    with log.open("w") as output:
        try:
            done = subprocess.run(
                [sys.executable, "app.py"],
                cwd=root,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=SYNTH_TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise PlatformError(
                f"Synthesizing the stacks took longer than {SYNTH_TIMEOUT} s; see {log}."
            ) from None
    if done.returncode != 0:
        raise PlatformError(f"The stacks cannot be synthesized: {_last_line(log)} (see {log})")


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "app.py said nothing"


def read(out: Path) -> list[Stack]:
    """The stacks of a cloud assembly, each after those it depends on."""
    artifacts = json.loads((out / "manifest.json").read_text())["artifacts"]
    found: dict[str, Stack] = {}

    def visit(name: str) -> None:
        artifact = artifacts[name]
        if name in found or artifact["type"] != "aws:cloudformation:stack":
            return
        for dependency in artifact.get("dependencies", ()):
            visit(dependency)
        properties = artifact["properties"]
        found[name] = Stack(
            name=properties.get("stackName", name),
            template=(out / properties["templateFile"]).read_text(),
            assets=_assets(out, properties["templateFile"]),
            tags=properties.get("tags") or {},
        )

    for name in artifacts:
        visit(name)
    return list(found.values())


def _assets(out: Path, template: str) -> tuple[Asset, ...]:
    """All files of a stack but its template, which is sent as it is."""
    manifest = out / template.replace(".template.json", ".assets.json")
    files = json.loads(manifest.read_text())["files"].values() if manifest.exists() else ()
    return tuple(
        Asset(out / file["source"]["path"], destination["objectKey"])
        for file in files
        if file["source"]["path"] != template
        for destination in file["destinations"].values()
    )
