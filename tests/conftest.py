"""What every test may rely on: no test sees this machine's AWS configuration, or reaches AWS."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

REGION = "us-east-1"

#: `pytest tests/handlers --hypothesis-profile=long`: ten times the examples, for a long night.
settings.register_profile("long", max_examples=1000, derandomize=False, deadline=None)


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fake credentials and Region; everything else named AWS_… is cleared."""
    for name in tuple(os.environ):
        if name.startswith(("AWS_", "BATCHYARD_")):
            monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(name, value)
