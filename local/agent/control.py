"""The agent's line to ECS: hears of work by Poll, reports by SubmitTaskStateChange."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from local import awsclient
from local.agent.runtime import Outcome

TARGET = "AmazonEC2ContainerServiceV20141113.Poll"
WAIT = 8.0  #: seconds one Poll is held when nothing happens
HOST_LOST = "Host EC2 (instance i-local) terminated."


class Control:
    """ECS at `endpoint`. Reports are repeated until ECS has them or `closing` is set."""

    def __init__(self, endpoint: str, region: str, closing: threading.Event) -> None:
        self._endpoint = endpoint
        self._region = region
        self._closing = closing
        self._ecs = awsclient.client("ecs", endpoint, region)
        self._http = URLLib3Session(timeout=int(WAIT) + 10, proxies={})
        self._credentials = Credentials(awsclient.ACCESS_KEY, awsclient.SECRET_KEY)

    def poll(self, seen: int) -> dict[str, Any]:
        """What is to be started and stopped, as soon as there is news after `seen`."""
        request = AWSRequest(
            "POST",
            self._endpoint + "/",
            data=json.dumps({"seen": seen, "wait": WAIT}),
            headers={"X-Amz-Target": TARGET, "Content-Type": "application/x-amz-json-1.1"},
        )
        SigV4Auth(self._credentials, "ecs", self._region).add_auth(request)
        response = self._http.send(request.prepare())
        if response.status_code != 200:
            raise ConnectionError(f"Poll was answered {response.status_code}: {response.text}")
        answer: dict[str, Any] = json.loads(response.content)
        return answer

    def taking(self, task: str, cluster: str) -> bool:
        """Report PENDING; False when the task is over already."""
        return self._submit(task=task, cluster=cluster, status="PENDING")

    def started(self, task: str, cluster: str, container: str, runtime_id: str) -> None:
        """Report RUNNING."""
        told = {"containerName": container, "status": "RUNNING", "runtimeId": runtime_id}
        self._submit(task=task, cluster=cluster, status="RUNNING", containers=[told])

    def ended(self, task: str, cluster: str, container: str, outcome: Outcome) -> None:
        """Report STOPPED after the container ended by itself or was ended."""
        told: dict[str, Any] = {"containerName": container, "status": "STOPPED"}
        if outcome.exit_code is not None:
            told["exitCode"] = outcome.exit_code
        if outcome.reason:
            told["reason"] = outcome.reason
        self._submit(
            task=task,
            cluster=cluster,
            status="STOPPED",
            containers=[told],
            executionStoppedAt=time.time(),
        )

    def failed(self, task: str, cluster: str, reason: str, container: str = "") -> None:
        """Report STOPPED for a container that never started, or was lost with its host."""
        told = [{"containerName": container, "reason": reason}] if container else []
        self._submit(task=task, cluster=cluster, status="STOPPED", reason=reason, containers=told)

    def _submit(self, **report: Any) -> bool:
        """Whether ECS accepted the report; a task that ECS no longer knows is over."""
        pause = 0.1
        while True:
            try:
                answer = self._ecs.submit_task_state_change(**report)
                return bool(answer["acknowledgment"] == "ACCEPT")
            except self._ecs.exceptions.InvalidParameterException:
                return False
            except Exception as error:
                if self._closing.wait(pause):
                    return False
                print(f"a report of {report['task']} will be repeated: {error}", flush=True)
                pause = min(pause * 2, 5.0)
