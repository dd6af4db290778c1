"""What each function may do, as a table of grants; tests/infrastructure/iam.json is its mirror."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stacks.constructs.grants import Grant
from stacks.constructs.permission_parts import PermissionParts


class Permissions(PermissionParts):
    """Grants over one deployment's resources, by function."""

    def of(self) -> Mapping[str, Sequence[Grant]]:
        """Every function's grants by its name."""
        return {
            "api": self._api(),
            "intake": self._intake(),
            "relay": self._relay(),
            "schedule": self._schedule(),
            "launch": self._launch(),
            "track": self._track(),
            "reconcile": self._reconcile(),
            "declare": self._declare(),
        }

    # ── functions ─────────────────────────────────────────────────────────────────────────────

    def _api(self) -> list[Grant]:
        return [
            self._use_jobs(),
            self._use_catalog(),
            self._use_capacity(),
            self._use_blobs(write=True),
            Grant(
                "MakeInboxes",
                "A job queue made by API has its own SQS queue, under the deployment's prefix.",
                (
                    "sqs:CreateQueue",
                    "sqs:GetQueueAttributes",
                    "sqs:GetQueueUrl",
                    "sqs:SetQueueAttributes",
                    "sqs:TagQueue",
                ),
                [self.inboxes],
            ),
            self._define_tasks(),
            self._pass_roles(),
            self._ring(),
        ]

    def _intake(self) -> list[Grant]:
        return [
            self._use_jobs(),
            self._read_catalog(write_task_definitions=True),
            self._use_blobs(write=True),
            self._define_tasks(),
            self._pass_roles(),
            self._consume("Intake", self.intake),
            Grant(
                "Reject",
                "An event that can make no job is kept with the reason.",
                ("sqs:SendMessage",),
                [self.rejected],
            ),
        ]

    def _relay(self) -> list[Grant]:
        return [
            self._use_jobs(),
            self._read_catalog(),
            self._use_capacity(),
            self._use_blobs(),
            *self._read_stream(),
            *self._carry_out(),
        ]

    def _schedule(self) -> list[Grant]:
        return [
            self._use_jobs(),
            self._read_catalog(),
            self._use_capacity(),
            self._use_blobs(),
            Grant(
                "DrainInboxes",
                "Tickets are read once from the inbox of any of the deployment's job queues.",
                ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
                [self.inboxes],
            ),
            self._consume("Bell", self.bell),
            self._ring(),
            self._put_off(),
        ]

    def _launch(self) -> list[Grant]:
        return [
            self._use_jobs(),
            self._use_capacity(),
            self._use_blobs(),
            *self._read_stream(),
            *self._run_tasks(),
            self._stop_tasks(),
            self._pass_roles(),
            self._put_off(),
        ]

    def _track(self) -> list[Grant]:
        return [
            self._use_jobs(),
            self._use_capacity(),
            self._use_blobs(),
            self._consume("Track", self.track),
            self._stop_tasks(),
        ]

    def _reconcile(self) -> list[Grant]:
        return [
            self._use_jobs(),
            self._use_catalog(),
            self._use_capacity(),
            self._use_blobs(),
            self._consume("Effects", self.effects),
            *self._carry_out(),
            *self._run_tasks(),
            Grant(
                "LookAtTasks",
                "Tasks of the deployment's cluster, whose ids ECS chooses.",
                ("ecs:DescribeTasks",),
                [self.tasks, self.cluster],
            ),
            self._pass_roles(),
            Grant(
                "RemoveInboxes",
                "The last act of deleting a job queue, once its jobs have ended.",
                ("sqs:DeleteQueue",),
                [self.inboxes],
            ),
        ]

    def _declare(self) -> list[Grant]:
        return [
            self._use_catalog(),
            self._use_capacity(),
            self._define_tasks(),
            self._pass_roles(),
            self._ring(),
        ]
