"""cdk-nag, cfn-lint and the local cloud have nothing against the templates."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infrastructure.conftest import STACKS, Templates

ROOT = Path(__file__).resolve().parents[2]
PROFILES = {
    "public": {"profile": "public"},
    "private": {"profile": "private"},
    "existing": {
        "profile": "existing",
        "subnets": ["subnet-0aaa1111"],
        "securityGroups": ["sg-0ccc3333"],
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
def test_nag_finds_nothing_that_is_not_explained(
    functions_zip: Path, tmp_path: Path, profile: str
) -> None:
    from stacks import nag
    from stacks.synth import make_app

    context = {"batchyard:network": PROFILES[profile]}
    app = make_app(context, outdir=str(tmp_path), functions_zip=functions_zip)
    nag.attach(app)
    app.synth()


@pytest.mark.slow
@pytest.mark.parametrize("which", ["templates", "local_templates"])
def test_cfn_lint_finds_nothing(request: pytest.FixtureRequest, tmp_path: Path, which: str) -> None:
    paths = []
    for stack, template in request.getfixturevalue(which).items():
        path = tmp_path / f"{stack}.template.json"
        path.write_text(json.dumps(template))
        paths.append(str(path))
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_local_cloud_knows_every_type_of_resource(local_templates: Templates) -> None:
    """An unknown type rejects the whole template there."""
    from ministack.services.cloudformation import provisioners

    known = set(provisioners._RESOURCE_HANDLERS)
    for stack in STACKS:
        for resource in local_templates[stack]["Resources"].values():
            kind = resource["Type"]
            assert kind in known or kind.startswith("Custom::"), kind


def test_no_helper_function_of_cdk_is_deployed(templates: Templates) -> None:
    """CDK's own custom resources run on Node, and their roles are wider than ours."""
    for template in templates.values():
        kinds = {resource["Type"] for resource in template["Resources"].values()}
        assert not [k for k in kinds if re.match(r"Custom::(?!Batchyard)", k)]


def test_templates_fit_into_one_request(templates: Templates) -> None:
    """A template in S3 may hold 1 MB and 500 resources."""
    for template in templates.values():
        assert len(json.dumps(template)) < 1_000_000
        assert len(template["Resources"]) < 500
