"""How long AWS takes between one thing and the next, as far as nobody of ours decides it."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """Milliseconds. All zero but the start of a task: then whatever can happen happens at once."""

    stream: int = 0  #: from a write to the batch that holds its record
    invocation: int = 0  #: from one batch of a shard to the next, when there are more records
    window: int = 0  #: in which `relay` and `track` gather what comes
    queue: int = 0  #: from a message to the invocation that gets it
    event: int = 0  #: from a task's change to its message: EventBridge's part
    execution: int = 0  #: from StartExecution, or an answer, to the state machine's write
    start: int = 500  #: from RunTask to RUNNING: the median
    start_spread: float = 0.0  #: of the start's logarithm; 0: always the same

    def start_of(self, draw: random.Random) -> int:
        """One task's start-up."""
        spread = self.start_spread
        return round(self.start * draw.lognormvariate(0, spread)) if spread else self.start


#: Everything at once: for tests that look at order, not at time.
INSTANT = Latencies()

#: As on AWS. A mapping reads each shard of a DynamoDB stream four times a second (Lambda's guide,
#: "Using Lambda with DynamoDB"); a mapping of a queue polls it long (an empty receive takes none
#: of our time); Fargate starts in about half a minute (AWS Batch's guide, "Fargate"). EventBridge's
#: and Step Functions' are typical figures that only an account can settle, and so is how many
#: pollers share what comes in a window: here one.
REALISTIC = Latencies(
    stream=250,
    window=1_000,
    invocation=50,
    queue=100,
    event=500,
    execution=150,
    start=30_000,
    start_spread=0.3,
)
