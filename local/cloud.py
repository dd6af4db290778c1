"""`python -m local.cloud`: the local cloud's process: MiniStack on loopback, with our half of ECS.

Its environment says the port (GATEWAY_PORT), and whether IAM is enforced (AUTH).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from local import guard, owner

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

SETTINGS = {
    "BIND_HOST": "127.0.0.1",
    "SFTP_ENABLED": "0",
    "IOT_MTLS_ENABLED": "0",
    "LOG_LEVEL": "WARNING",
    # Functions inherit this environment, and their own log keeps its level, as on AWS.
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "LAMBDA_EXECUTOR": "local",
    # An engine there may be is the agent's; MiniStack must find none to sweep or to start on.
    "DOCKER_HOST": "unix:///nowhere/docker.sock",
}

#: On AWS a batch call needs the permission of the call it repeats; MiniStack asks for its own name.
ACTIONS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def named_as_aws_does(extract: Callable[..., Any]) -> Callable[..., Any]:
    """MiniStack's `extract_iam_action`, with the permissions that AWS has."""

    def action(*request: Any, **more: Any) -> Any:
        found = extract(*request, **more)
        return ACTIONS.get(found, found)

    return action


def guarded(app: App, port: int) -> App:
    """`app`, answering nothing that a web page can send: RunTask here runs commands."""

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
            why = guard.refusal(headers, port, buckets=True)
            if why:
                await _refuse(send, why)
                return
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        await app(scope, receive, send)

    return answer


async def _refuse(send: Send, why: str) -> None:
    body = json.dumps({"__type": "AccessDeniedException", "message": why}).encode()
    kind = (b"content-type", b"application/json")
    await send({"type": "http.response.start", "status": 403, "headers": [kind]})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Set MiniStack up and serve until SIGTERM."""
    owner.follow()
    for name, value in SETTINGS.items():
        os.environ[name] = value
    os.environ.setdefault("GATEWAY_PORT", "4566")
    port = int(os.environ["GATEWAY_PORT"])
    # Functions are workers of this interpreter, and inherit this: boto3 reaches the local cloud.
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"

    import ministack.app
    from ministack.core import iam_actions, responses
    from ministack.services import ecs, eventbridge, iam, sts

    from local.ecs import EcsHalf
    from local.ecs_events import Emitter
    from local.ecs_roles import TaskRoles

    roles = TaskRoles(iam, sts) if os.environ.get("AUTH") == "true" else None
    EcsHalf(ecs, Emitter(eventbridge, responses), roles=roles).install()
    iam_actions.extract_iam_action = named_as_aws_does(iam_actions.extract_iam_action)
    ministack.app.app = guarded(ministack.app.app, port)
    sys.argv = ["ministack"]
    ministack.app.main()


if __name__ == "__main__":
    main()
