"""One task from taken to stopped, on a thread of its own."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.agent.control import HOST_LOST, Control
from local.agent.environment import Environments
from local.agent.journal import Journal
from local.agent.logs import Pump, Sink
from local.agent.metadata import Metadata, Subject
from local.agent.orders import Container, Order
from local.agent.runtime import CannotStart, Outcome, Running, Runtime

STARTS_AT_ONCE = 2 * (os.cpu_count() or 1)
DRAIN = 30.0  #: seconds the output may take after the container ended


@dataclass(frozen=True, slots=True)
class Tools:
    """What every task is carried out with. `closing` is set when the agent goes away."""

    control: Control
    runtime: Runtime
    journal: Journal
    metadata: Metadata
    environments: Environments
    sink: Callable[[Order], Sink]
    starts: threading.Semaphore
    closing: threading.Event


class Attempt:
    """One task. `run` carries it out and returns when ECS knows its end."""

    def __init__(self, order: Order, tools: Tools) -> None:
        self.order = order
        self._tools = tools
        self._lock = threading.Lock()
        self._running: Running | None = None
        self._stopping = False
        self._over = threading.Event()

    def run(self) -> None:
        order, tools = self.order, self._tools
        tools.journal.note(order.task, order.cluster, None)
        try:
            if tools.control.taking(order.task, order.cluster):
                self._carry_out()
        except Exception as error:
            self.kill()
            print(f"task {order.id}: {error!r}", flush=True)
            reason = f"CannotStartContainerError: the agent failed: {error!r}"
            tools.control.failed(order.task, order.cluster, reason, order.container.name)
        tools.journal.forget(order.task)

    def _carry_out(self) -> None:
        order, control = self.order, self._tools.control
        subject = Subject(order)
        address = self._tools.metadata.add(subject)
        work = self._tools.journal.work / order.id
        work.mkdir(mode=0o700, exist_ok=True)
        try:
            outcome = self._contain(subject, address, work)
        except CannotStart as refusal:
            control.failed(order.task, order.cluster, str(refusal), order.container.name)
        else:
            self._tell(outcome)
        finally:
            self._tools.metadata.remove(address)
            shutil.rmtree(work, ignore_errors=True)

    def _tell(self, outcome: Outcome) -> None:
        """A container that was killed because the agent goes away was lost with its host."""
        order, control = self.order, self._tools.control
        if self._tools.closing.is_set():
            control.failed(order.task, order.cluster, HOST_LOST)
        else:
            control.ended(order.task, order.cluster, order.container.name, outcome)

    def _contain(self, subject: Subject, address: str, work: Path) -> Outcome:
        """Start the container, tell ECS, and wait for its end and for its last line."""
        order, tools = self.order, self._tools
        container = tools.environments.complete(order, address)
        tools.runtime.prepare(container)
        running, pumping = self._start(container, work)
        if running is None:
            return Outcome(None)
        tools.journal.note(order.task, order.cluster, running.handle)
        subject.running(running.id, running.usage)
        tools.control.started(order.task, order.cluster, container.name, running.id)
        outcome = running.wait()
        self._over.set()
        pumping.join(DRAIN)
        return outcome

    def _start(self, container: Container, work: Path) -> tuple[Running | None, threading.Thread]:
        """The started container (None when a stop came first) and the thread of its output."""
        read, write = os.pipe()
        pumping = threading.Thread(target=self._pump, args=(read,), daemon=True)
        try:
            with self._tools.starts, self._lock:
                if not self._stopping:
                    self._running = self._tools.runtime.start(container, write, work)
        finally:
            os.close(write)
            pumping.start()
        return self._running, pumping

    def _pump(self, read: int) -> None:
        try:
            Pump(read, self._tools.sink(self.order)).run()
        finally:
            os.close(read)

    def stop(self) -> None:
        """StopTask: SIGTERM, and SIGKILL when the stop time-out has passed. Returns at once."""
        with self._lock:
            first, self._stopping = not self._stopping, True
        if first and self._running:
            threading.Thread(target=self._stop, args=(self._running,), daemon=True).start()

    def _stop(self, running: Running) -> None:
        running.terminate()
        if not self._over.wait(self.order.container.stop_timeout):
            running.kill()

    def kill(self) -> None:
        """End it now, or keep it from starting."""
        with self._lock:
            self._stopping = True
        if self._running and not self._over.is_set():
            self._running.kill()
