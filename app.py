"""The deployment: `cdk deploy --all`, or `python app.py` to synthesize without the CDK CLI."""

from __future__ import annotations

from stacks.synth import make_app

make_app().synth()
