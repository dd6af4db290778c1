"""`python -m local.agent`: one host of the local cloud, until SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from local import awsclient, owner
from local.agent.agent import Agent
from local.agent.choose import CHOICES, NoRuntime, choose
from local.agent.control import Control
from local.agent.environment import Environments
from local.agent.journal import Journal, Occupied
from local.agent.logs import CloudWatch, Nowhere, Sink
from local.agent.metadata import Metadata
from local.agent.orders import Order
from local.agent.task import STARTS_AT_ONCE, Tools


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.agent", description=__doc__)
    parser.add_argument("--endpoint", required=True, help="where the local cloud is")
    parser.add_argument("--state", required=True, type=Path, help="a directory of the agent's own")
    parser.add_argument("--region", default=awsclient.REGION)
    parser.add_argument("--batch-endpoint", default="", help="where AWS Batch is, for the jobs")
    parser.add_argument("--runtime", default="auto", choices=CHOICES)
    return parser.parse_args()


def tools(options: argparse.Namespace) -> Tools:
    """Everything the agent works with. Raises NoRuntime, Occupied."""
    closing = threading.Event()
    logs = awsclient.client("logs", options.endpoint, options.region)

    def sink(order: Order) -> Sink:
        stream = order.log_stream
        return CloudWatch(logs, *stream) if stream else Nowhere()

    return Tools(
        control=Control(options.endpoint, options.region, closing),
        runtime=choose(options.runtime),
        journal=Journal(options.state),
        metadata=Metadata(),
        environments=Environments(options.endpoint, options.region, options.batch_endpoint),
        sink=sink,
        starts=threading.Semaphore(STARTS_AT_ONCE),
        closing=closing,
    )


def main() -> int:
    try:
        kit = tools(arguments())
    except (NoRuntime, Occupied) as refusal:
        print(f"batchyard agent: {refusal}", file=sys.stderr)
        return 1
    for caught in (signal.SIGTERM, signal.SIGINT):
        signal.signal(caught, lambda *_: kit.closing.set())
    owner.follow()
    agent = Agent(kit)
    agent.recover()
    print(f"runtime: {kit.runtime.name}: {kit.runtime.why}", flush=True)
    # A thread that may be left waiting for news: the end must not wait with it.
    threading.Thread(target=agent.run, daemon=True, name="agent").start()
    kit.closing.wait()
    agent.leave()
    return 0


if __name__ == "__main__":
    sys.exit(main())
