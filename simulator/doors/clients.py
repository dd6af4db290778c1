"""Clients of a world: each is a script that asks one thing after the other, and insists.

A script is a generator. It yields an `Ask`, and is sent an `Answer` as its client sees it: what
died, was throttled or was left unanswered is asked again, as SDKs, queues and CloudFormation do; a
refusal is an answer. Other scripts, and everything else in the world, go on in between.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.adapters.aws.batch_model import BatchModel, batch_model
from lambdas.core.errors import ApiError, Throttled
from lambdas.services.api import Api, Caller
from lambdas.services.declare import DeclareService
from lambdas.services.declared import kinds
from lambdas.services.intake import IntakeService
from lambdas.services.platform import Platform
from simulator.faults import Crash
from simulator.world import CALLER, World

#: What a declaration says that failed for a reason nobody thought of.
_BUG = re.compile(r"\w+Error: ")

#: How long a client waits before it asks again (ms): SDKs soon, a queue after its visibility.
_AGAIN = (0, 100, 2_000, 20_000)
#: How long it thinks before it asks the next thing (ms).
_THINKS = (0, 0, 0, 500, 20_000)


class Unanswered(Exception):
    """What was asked has failed for now, and is to be asked again."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One invocation of a function."""

    function: str
    do: Callable[[Platform], Any]


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is asked for so long (ms)."""

    ms: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client was told. `doubtful`: an earlier try may have had its effect, unseen."""

    value: Any = None
    refusal: ApiError | None = None
    doubtful: bool = False


Script = Generator[Ask | Pause, Answer, Any]


def api(operation: str, body: Mapping[str, Any], token: str | None = None) -> Ask:
    """A call of the API; `token` is its SDK's invocation id, the same for every try."""
    return Ask("api", lambda p: _api(p).call(operation, body, Caller(CALLER, token)))


def event(text: str) -> Ask:
    """A message of the intake queue."""
    return Ask("intake", lambda p: _intake(p).take(text))


def declaration(request: Mapping[str, Any]) -> Ask:
    """A request of CloudFormation; one that failed is deployed again."""

    def do(platform: Platform) -> str:
        outcome = _declare(platform).apply(request)
        if outcome.failure and _BUG.match(outcome.failure):
            raise RuntimeError(outcome.failure)
        if outcome.failure:
            raise Unanswered(outcome.failure)
        return outcome.resource

    return Ask("declare", do)


class Clients:
    """Runs scripts. `busy` counts those that have not come to their end, `found` is what no answer
    explains."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.truth = Platform(world, world.settings)
        self.busy = 0
        self.found: list[str] = []
        self.runs: dict[str, int] = {}  #: how long the jobs of scripts run (ms), by name
        self._draw = random.Random(f"{seed} clients")

    def begin(self, when: int, script: Script) -> None:
        """Let a script begin at this time (epoch ms)."""
        self.busy += 1
        self.world.at(when, lambda: self._go_on(script, None))

    def _go_on(self, script: Script, answer: Answer | None) -> None:
        try:
            asked = next(script) if answer is None else script.send(answer)
        except StopIteration:
            self.busy -= 1
            return
        if isinstance(asked, Pause):
            self.world.after(asked.ms, lambda: self._go_on(script, Answer()))
        else:
            self._ask(script, asked, doubtful=False)

    def _ask(self, script: Script, asked: Ask, doubtful: bool) -> None:
        world = self.world
        try:
            with world.faults.invocation(asked.function), world.instance(asked.function) as warm:
                answer = Answer(asked.do(warm), doubtful=doubtful)
        except ApiError as refusal:
            if refusal.status >= 500 or refusal.status == 429:
                self._again(script, asked)
                return
            answer = Answer(refusal=refusal, doubtful=doubtful)
        except (Crash, Throttled, Unanswered):
            self._again(script, asked)
            return
        except Exception as error:
            self.found.append(f"{asked.function} died of {error!r}")
            self._again(script, asked)
            return
        self.world.after(self._draw.choice(_THINKS), lambda: self._go_on(script, answer))

    def _again(self, script: Script, asked: Ask) -> None:
        later = self._draw.choice(_AGAIN)
        self.world.after(later, lambda: self._ask(script, asked, doubtful=True))


# ── functions as `bootstrap` composes them ────────────────────────────────────────────────────────


def _model() -> BatchModel:
    return batch_model()


def _api(platform: Platform) -> Api:
    return Api(
        model=_model(),
        environments=platform.environments,
        queues=platform.queues,
        definitions=platform.definitions,
        policies=platform.policies,
        tagging=platform.tagging,
        submits=platform.submit,
        jobs=platform.jobs,
        bulk=platform.bulk,
        explains=platform.explain,
        snapshots=platform.snapshot,
        queueing=platform.queueing,
    )


def _intake(platform: Platform) -> IntakeService:
    return IntakeService(
        submits=platform.submit,
        model=_model(),
        triggers=platform.triggers,
        inboxes=platform.ports.inboxes,
        journal=platform.ports.journal,
        rejected_queue=platform.settings.rejected_queue,
    )


def _declare(platform: Platform) -> DeclareService:
    declared = kinds(
        table=platform.ports.tables.catalog,
        store=platform.catalog,
        environments=platform.environments,
        queues=platform.queues,
        definitions=platform.definitions,
        triggers=platform.triggers,
        journal=platform.ports.journal,
    )
    return DeclareService(kinds=declared, model=_model(), journal=platform.ports.journal)
