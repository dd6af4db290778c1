"""The real templates, brought into the local cloud through CloudFormation's own calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from local import awsclient
from local.assembly import Stack
from local.errors import PlatformError

ASSETS = f"cdk-hnb659fds-assets-{awsclient.ACCOUNT}-{awsclient.REGION}"
BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
TIMEOUT = 180.0  #: seconds a stack may take
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]

Say = Callable[[str], None]


class Deployer:
    """Deploys stacks into the local cloud at `endpoint`."""

    def __init__(self, endpoint: str, say: Say) -> None:
        self._endpoint = endpoint
        self._formation = awsclient.client("cloudformation", endpoint)
        self._s3 = awsclient.client("s3", endpoint)
        self._ssm = awsclient.client("ssm", endpoint)
        self._say = say

    def deploy(self, stacks: Sequence[Stack]) -> None:
        """Create or update the stacks in this order. Raises PlatformError with the reason."""
        self._bootstrap()
        for stack in stacks:
            began = time.monotonic()
            self._upload(stack)
            changed = self._apply(stack)
            word = f"{time.monotonic() - began:.1f} s" if changed else "unchanged"
            self._say(f"  {stack.name}: {word}")

    def parameters(self, deployment: str) -> dict[str, str]:
        """What the stacks handed over: `/batchyard/<deployment>/<name>` by name."""
        pages = self._ssm.get_paginator("get_parameters_by_path").paginate(
            Path=f"/batchyard/{deployment}/", Recursive=True
        )
        return {
            p["Name"].rsplit("/", 1)[-1]: p["Value"] for page in pages for p in page["Parameters"]
        }

    def _bootstrap(self) -> None:
        """What `cdk bootstrap` would have left: a bucket for assets, and its version."""
        self._s3.create_bucket(Bucket=ASSETS)
        self._ssm.put_parameter(Name=BOOTSTRAP, Value="30", Type="String", Overwrite=True)

    def _upload(self, stack: Stack) -> None:
        for asset in stack.assets:
            self._s3.put_object(Bucket=ASSETS, Key=asset.key, Body=asset.content())
        template = f"{stack.name}.template.json"
        self._s3.put_object(Bucket=ASSETS, Key=template, Body=stack.template.encode())

    def _apply(self, stack: Stack) -> bool:
        request = {
            "StackName": stack.name,
            "TemplateURL": f"{self._endpoint}/{ASSETS}/{stack.name}.template.json",
            "Capabilities": CAPABILITIES,
            "Tags": [{"Key": k, "Value": v} for k, v in stack.tags.items()],
        }
        try:
            if self._status(stack.name) is None:
                self._formation.create_stack(**request)
            else:
                self._formation.update_stack(**request)
        except self._formation.exceptions.ClientError as error:
            if "No updates are to be performed" in str(error):
                return False
            raise PlatformError(f"Stack {stack.name} was refused: {str(error)[:400]}") from None
        self._wait(stack.name)
        return True

    def _wait(self, name: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            status = self._status(name) or "gone"
            if not status.endswith("_IN_PROGRESS"):
                if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
                    return
                raise PlatformError(f"Stack {name} ended as {status}: {self._reason(name)}")
            time.sleep(0.1)
        raise PlatformError(f"Stack {name} was not done after {TIMEOUT:.0f} s.")

    def _status(self, name: str) -> str | None:
        try:
            stacks = self._formation.describe_stacks(StackName=name)["Stacks"]
        except self._formation.exceptions.ClientError:
            return None
        status = str(stacks[0]["StackStatus"]) if stacks else None
        return None if status == "DELETE_COMPLETE" else status

    def _reason(self, name: str) -> str:
        """The first failure, which is the cause of the others."""
        events: list[dict[str, Any]] = self._formation.describe_stack_events(StackName=name)[
            "StackEvents"
        ]
        failed = [e for e in events if "FAILED" in e["ResourceStatus"]]
        if not failed:
            return "no reason given"
        first = min(failed, key=lambda e: e["Timestamp"])
        why = first.get("ResourceStatusReason", "no reason given")
        return f"{first['LogicalResourceId']}: {why[:400]}"
