"""What must hold before anything is made; each refusal is one sentence that says how to mend it."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from local.errors import PlatformError
from local.smoke.cdk import PACKAGE
from local.smoke.plan import IMAGE

Client = Callable[[str], Any]
BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
VPC_QUOTA = {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json"
)


def region() -> str:
    """The Region of the caller's configuration. Raises PlatformError when there is none.

    AWS_REGION is what the CDK CLI reads, AWS_DEFAULT_REGION what boto3 does.
    """
    found = os.environ.get("AWS_REGION") or botocore.session.Session().get_config_variable("region")
    if not found:
        raise PlatformError("No Region is chosen: set AWS_REGION, or `aws configure`.")
    return str(found)


def identity(client: Client) -> tuple[str, str]:
    """The account and the caller's ARN. Raises PlatformError without usable credentials."""
    try:
        told = client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise PlatformError(
            f"There are no AWS credentials that work ({error}): sign in, or set AWS_PROFILE."
        ) from None
    return str(told["Account"]), str(told["Arn"])


def bootstrapped(client: Client, account: str, region: str) -> None:
    """Raises PlatformError when `cdk bootstrap` has not been run here."""
    try:
        client("ssm").get_parameter(Name=BOOTSTRAP)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise PlatformError(f"{BOOTSTRAP} in SSM cannot be read: {error}.") from None
        raise PlatformError(
            f"Account {account} is not bootstrapped for the CDK in {region}: "
            f"run `npx {PACKAGE} bootstrap aws://{account}/{region}` once."
        ) from None


def room_for_a_vpc(client: Client) -> None:
    """Raises PlatformError when the Region's VPCs are used up; a caller who may not ask goes on."""
    with suppress(BotoCoreError, ClientError, KeyError):
        quota = client("service-quotas").get_service_quota(**VPC_QUOTA)["Quota"]["Value"]
        used = len(client("ec2").describe_vpcs()["Vpcs"])
        if used >= quota:
            raise PlatformError(
                f"All {quota:.0f} VPCs of this Region are in use: remove one, ask for more, or "
                "choose another Region with AWS_REGION."
            )


def image(reference: str = IMAGE, fetch: Callable[..., Any] = urllib.request.urlopen) -> str:
    """A note when the image cannot be looked for from here. Raises PlatformError when it is gone.

    Tasks pull it themselves, from the VPC's public subnets and without signing in.
    """
    host, _, rest = reference.partition("/")
    name, _, tag = rest.partition(":")
    try:
        with fetch(f"https://{host}/token/", timeout=10) as answer:
            token = json.load(answer)["token"]
        headers = {"Authorization": f"Bearer {token}", "Accept": _MANIFESTS}
        address = f"https://{host}/v2/{name}/manifests/{tag}"
        with fetch(urllib.request.Request(address, headers=headers, method="HEAD"), timeout=10):
            return ""
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise PlatformError(f"The jobs' image {reference} is not there any more.") from None
        return f"The image {reference} could not be looked for (HTTP {error.code})."
    except (OSError, ValueError, KeyError) as error:
        return f"The image {reference} could not be looked for ({error})."
