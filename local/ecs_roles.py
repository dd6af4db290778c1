"""Sessions of task roles, where IAM is enforced: a role trusts ECS, and ECS hands its agent the keys.

The account itself may not assume such a role, so the container agent could not do it in ECS's place.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

SERVICE = "ecs-tasks.amazonaws.com"
LASTS = 24 * 3600.0  #: seconds; the containers here do not renew their keys


class TaskRoles:
    """Opens sessions over MiniStack's modules `iam` and `sts`."""

    def __init__(self, iam: Any, sts: Any, now: Callable[[], float] = time.time) -> None:
        self._iam = iam
        self._sts = sts
        self._now = now
        self._secret = secrets.token_hex(16)

    def refusal(self, role: str) -> str | None:
        """ECS's words for a role that no task can have; None for one that trusts ECS."""
        found = self._iam._roles.get(role.rsplit("/", 1)[-1])
        if found and found["Arn"] == role and _trusts(found["AssumeRolePolicyDocument"]):
            return None
        return (
            f"ECS was unable to assume the role '{role}' that was provided for this task. Please "
            "verify that the role being passed has the proper trust relationship and permissions "
            "and that your IAM user has permissions to pass this role."
        )

    def session(self, role: str, task: str) -> Mapping[str, str]:
        """The keys with which a task acts as `role`: the same each time it is asked."""
        digest = sha256(f"{self._secret}:{task}".encode()).hexdigest()
        account, name = role.split(":")[4], role.rsplit("/", 1)[-1]
        keys = {
            "AWS_ACCESS_KEY_ID": f"ASIA{digest[:16].upper()}",
            "AWS_SECRET_ACCESS_KEY": sha256(f"secret:{digest}".encode()).hexdigest(),
            "AWS_SESSION_TOKEN": sha256(f"token:{digest}".encode()).hexdigest(),
        }
        session = task.rsplit("/", 1)[-1]
        self._sts.register_session(
            keys["AWS_ACCESS_KEY_ID"],
            {
                "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
                "UserId": f"{name}:{session}",
                "SecretAccessKey": keys["AWS_SECRET_ACCESS_KEY"],
                "SessionToken": keys["AWS_SESSION_TOKEN"],
                "Expiration": self._now() + LASTS,
            },
        )
        return keys


def _trusts(document: str | Mapping[str, Any] | None) -> bool:
    """Whether a trust policy lets ECS's tasks assume the role."""
    policy = json.loads(unquote(document)) if isinstance(document, str) else document or {}
    statements = policy.get("Statement") or ()
    statements = [statements] if isinstance(statements, Mapping) else statements
    return any(
        s.get("Effect") == "Allow"
        and "sts:AssumeRole" in _listed(s.get("Action"))
        and SERVICE in _listed((s.get("Principal") or {}).get("Service"))
        for s in statements
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
