"""How an inbox (a job queue's SQS queue) is made, whoever makes it: the stacks or the API."""

from __future__ import annotations

#: As long as SQS keeps anything; a ticket lost to age would be sent again by `reconcile`.
RETENTION_SECONDS = 14 * 24 * 3600

#: Longer than a tick (20 s), so that no other tick sees a ticket that is being answered.
VISIBILITY_SECONDS = 60

#: SQS's bounds.
MOST_DELAY_SECONDS = 900
BATCH = 10
MOST_BODY_BYTES = 256 * 1024
