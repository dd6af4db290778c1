"""Our half of ECS, put into MiniStack's: tasks that wait for an agent, and events of all they do.

MiniStack alone runs a task by itself (or pretends to), ignores client tokens and tells nobody
that a task changed. Here RunTask only accepts; the container agent (`local.agent`) hears of the
task by `Poll`, and reports by SubmitTaskStateChange, as ECS's own agent does. Every change bumps
the task's `version` and goes to EventBridge as `ECS Task State Change`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from lambdas.core import ecs_rules
from local import ecs_records as records
from local.ecs_events import Emitter
from local.ecs_records import Record
from local.ecs_roles import TaskRoles

FORGET_AFTER = 3600.0  #: seconds ECS remembers a stopped task
POLL_LIMIT = 100  #: tasks handed out by one Poll
POLL_WAIT = 10.0  #: longest a Poll is held, in seconds

Data = Mapping[str, Any]
Answer = tuple[Any, ...]


class EcsHalf:
    """ECS's task life cycle over MiniStack's module `ecs`, telling `emitter` of every change.

    With `roles`, tasks act as their task roles; without, as whoever runs the agent.
    """

    def __init__(
        self,
        ecs: Any,
        emitter: Emitter,
        now: Callable[[], float] = time.time,
        roles: TaskRoles | None = None,
    ) -> None:
        self._ecs = ecs
        self._emitter = emitter
        self._roles = roles
        self._now = now
        self._changed = threading.Condition(threading.RLock())
        self._generation = int(now() * 1000)  # so that a restarted cloud's are news to its agent
        self._closing = False
        self._swept = 0.0
        self._theirs = {n: ecs._ACTION_MAP[n] for n in ("RunTask", "ListTasks", "DescribeTasks")}

    def install(self) -> None:
        """Take MiniStack's place in its own table of actions, and its containers from it."""
        self._ecs._get_docker = lambda: None
        ours = {
            "RunTask": self.run_task,
            "StopTask": self.stop_task,
            "ListTasks": self.list_tasks,
            "DescribeTasks": self.describe_tasks,
            "SubmitTaskStateChange": self.submit_task,
            "SubmitContainerStateChange": self.submit_container,
            "Poll": self.poll,
        }
        self._ecs._ACTION_MAP.update(ours)
        for name, action in (("_run_task", self.run_task), ("_stop_task", self.stop_task)):
            setattr(self._ecs, name, action)

    def run_task(self, data: Data) -> Answer:
        """RunTask: one task a client token, PROVISIONING until an agent takes it."""
        with self._changed:
            self._forget()
            refused = self._refusal(data) or self._repeat(data)
            if refused:
                return refused
            before = set(self._ecs._tasks)
            answer = self._theirs["RunTask"](data)
            fresh = [t for arn, t in self._ecs._tasks.items() if arn not in before]
            for record in fresh:
                records.place(record, self._definition(record), data)
                self._tell(record)
            if not fresh:
                return tuple(answer)
            return self._answer({"tasks": self._shown(fresh), "failures": []})

    def _refusal(self, data: Data) -> Answer | None:
        optional = {name: data.get(name) or "-" for name in ("clientToken", "startedBy")}
        overrides = data.get("overrides") or {}
        why = ecs_rules.refusal_of_run({**optional, "overrides": overrides})
        if why:
            return self._error("InvalidParameterException", why)
        key = self._ecs._resolve_td_key(data.get("taskDefinition", ""))
        if (self._ecs._task_defs.get(key) or {}).get("status", "ACTIVE") != "ACTIVE":
            return self._error("ClientException", "TaskDefinition is inactive")
        role = records.role(data, self._ecs._task_defs.get(key) or {})
        refused = self._roles.refusal(role) if self._roles and role else None
        return self._error("ClientException", refused) if refused else None

    def _repeat(self, data: Data) -> Answer | None:
        """The answer to a token that was used before, None for a new one."""
        token = data.get("clientToken")
        if not token:
            return None
        cluster = f":cluster/{self._ecs._resolve_cluster_name(data.get('cluster', 'default'))}"
        made = [
            t
            for t in self._ecs._tasks.values()
            if t.get("_client_token") == token and t["clusterArn"].endswith(cluster)
        ]
        if not made:
            return None
        if made[0]["_digest"] == records.digest(data):
            return self._answer({"tasks": self._shown(made), "failures": []})
        arns = [t["taskArn"] for t in made]
        return self._error(
            "ConflictException",
            "The clientToken was used by a RunTask call with other parameters.",
            {"resourceIds": arns},
        )

    def stop_task(self, data: Data) -> Answer:
        """StopTask: a mark for the agent; a task that no agent has taken ends here."""
        with self._changed:
            record, refused = self._find(data)
            if record is None:
                return refused
            reason = data.get("reason") or "Task stopped by user"
            now = self._iso()
            if record["lastStatus"] != "STOPPED" and records.ask_to_stop(record, reason, now):
                self._tell(record)
                if record["lastStatus"] == "PROVISIONING":
                    self._end(record, None)
            return self._answer({"task": self._ecs._sanitize(record)})

    def submit_task(self, data: Data) -> Answer:
        """SubmitTaskStateChange: the agent's word. REJECT tells it that the task is over."""
        with self._changed:
            record, refused = self._find(data)
            if record is None:
                return refused
            if record["lastStatus"] == "STOPPED":
                return self._answer({"acknowledgment": "REJECT"})
            records.tell(record, data.get("containers") or ())
            for name in ("pullStartedAt", "pullStoppedAt", "executionStoppedAt"):
                if data.get(name) is not None:
                    record[name] = records.iso(float(data[name]))
            status = data.get("status") or ""
            if status == "STOPPED":
                self._end(record, data.get("reason"))
            elif records.advances(record, status):
                records.move(record, status, self._iso())
                self._tell(record)
            return self._answer({"acknowledgment": "ACCEPT"})

    def submit_container(self, data: Data) -> Answer:
        """SubmitContainerStateChange: one container's facts; the task's own status stays."""
        with self._changed:
            record, refused = self._find(data)
            if record is None:
                return refused
            records.tell(record, [data])
            return self._answer({"acknowledgment": "ACCEPT"})

    def list_tasks(self, data: Data) -> Answer:
        """ListTasks, once what ECS would have forgotten is gone."""
        with self._changed:
            self._forget()
            return tuple(self._theirs["ListTasks"](data))

    def describe_tasks(self, data: Data) -> Answer:
        """DescribeTasks, never in the middle of a change."""
        with self._changed:
            return tuple(self._theirs["DescribeTasks"](data))

    def poll(self, data: Data) -> Answer:
        """What ECS tells its agent over a socket: tasks to start, and tasks to stop.

        Held until something changed after generation `seen`, at most `wait` seconds. The answer
        is the whole state, not a difference: an agent that missed one loses nothing.
        """
        seen = int(data.get("seen") or 0)
        wait = min(float(data.get("wait") or 0.0), POLL_WAIT)
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._generation > seen, wait)
            tasks = list(self._ecs._tasks.values())
            start = [t for t in tasks if t["lastStatus"] == "PROVISIONING"]
            taken = [t for t in tasks if t["lastStatus"] not in ("PROVISIONING", "STOPPED")]
            page = [self._order(t) for t in start[:POLL_LIMIT]]
            return self._answer(
                {
                    "generation": seen if len(start) > POLL_LIMIT else self._generation,
                    "start": page,
                    "stop": [t["taskArn"] for t in taken if t["desiredStatus"] == "STOPPED"],
                    "taken": [t["taskArn"] for t in taken],
                }
            )

    def close(self) -> None:
        """Hold no Poll any longer: the cloud is about to end."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def _order(self, record: Record) -> Record:
        """All that the agent is told of a task to start."""
        definition = self._definition(record)
        told = {"task": self._ecs._sanitize(record), "taskDefinition": definition}
        role = records.role(record, definition)
        if self._roles and role:
            told["credentials"] = self._roles.session(role, record["taskArn"])
        return told

    def _end(self, record: Record, reason: str | None) -> None:
        records.end(record, reason, self._iso())
        self._tell(record)

    def _tell(self, record: Record) -> None:
        self._generation += 1
        self._changed.notify_all()
        self._emitter.emit(record["taskArn"], records.detail(record, self._iso()))

    def _forget(self) -> None:
        """Drop what stopped more than an hour ago; looked at once a minute."""
        if self._now() - self._swept < 60:
            return
        self._swept = self._now()
        limit = records.iso(self._now() - FORGET_AFTER)
        for arn, record in self._ecs._tasks.items():
            if record["lastStatus"] == "STOPPED" and (record.get("stoppedAt") or "") < limit:
                self._ecs._tasks.pop(arn, None)
                self._ecs._tags.pop(arn, None)

    def _find(self, data: Data) -> tuple[Record | None, Answer]:
        arn = data.get("task") or ""
        record = self._ecs._tasks.get(arn)
        if record is None:
            cluster = self._ecs._resolve_cluster_name(data.get("cluster", "default"))
            record = self._ecs._resolve_task(arn, cluster) if arn else None
        if record is None:
            gone = "The referenced task was not found."
            return None, self._error("InvalidParameterException", gone)
        return record, ()

    def _definition(self, record: Record) -> Record:
        key = record["taskDefinitionArn"].rsplit("/", 1)[-1]
        found: Record = self._ecs._task_defs.get(key) or {"family": key.split(":")[0]}
        return found

    def _shown(self, tasks: list[Record]) -> list[Record]:
        return [self._ecs._sanitize(t) for t in tasks]

    def _iso(self) -> str:
        return records.iso(self._now())

    def _answer(self, body: Record) -> Answer:
        return tuple(self._ecs.json_response(body))

    def _error(self, code: str, message: str, extra: Record | None = None) -> Answer:
        return tuple(self._ecs.error_response_json(code, message, 400, extra))
