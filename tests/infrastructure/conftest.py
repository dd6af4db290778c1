"""Templates, synthesized once a session: with the defaults of cdk.json, and as the laptop has them.

cdk-nag and CDK's own validator stay off here (test_rules.py turns nag on): a finding would stop
every test instead of one.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

Template = Mapping[str, Any]
Templates = Mapping[str, Template]
STACKS = ("data", "compute", "control-plane", "workload", "observability")

os.environ.setdefault("CDK_VALIDATION", "false")


@pytest.fixture(scope="session")
def functions_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Something to deploy: what is in it does not matter to a template."""
    path = tmp_path_factory.mktemp("code") / "functions.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lambdas/__init__.py", "")
    return path


class Synthesizer:
    """Synthesizes the app with a context of one's own."""

    def __init__(self, functions_zip: Path, folder: Path) -> None:
        self._zip = functions_zip
        self._folder = folder
        self._runs = 0

    def __call__(
        self, context: Mapping[str, Any] | None = None, deployment: str = "batchyard"
    ) -> dict[str, Template]:
        from stacks.synth import make_app

        self._runs += 1
        out = self._folder / str(self._runs)
        make_app(context, outdir=str(out), functions_zip=self._zip).synth()
        return {
            name: json.loads((out / f"{deployment}-{name}.template.json").read_text())
            for name in STACKS
        }


@pytest.fixture(scope="session")
def synthesize(functions_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Synthesizer:
    return Synthesizer(functions_zip, tmp_path_factory.mktemp("cdk"))


@pytest.fixture(scope="session")
def templates(synthesize: Synthesizer) -> Templates:
    """The defaults: what `cdk deploy --all` brings to an account."""
    return synthesize()


@pytest.fixture(scope="session")
def local_templates(synthesize: Synthesizer) -> Templates:
    """What the embedded local cloud is given."""
    from stacks.config import LOCAL_CONTEXT

    return synthesize(LOCAL_CONTEXT)
