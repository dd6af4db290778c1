"""Structured log lines and embedded metrics (CloudWatch EMF), by Powertools."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from lambdas.core.errors import shown

NAMESPACE = "Batchyard"

#: Attributes of a log record, and Powertools' own keys: a fact must not overwrite them.
_RESERVED = frozenset(logging.makeLogRecord({}).__dict__) | {
    *("message", "asctime", "level", "location", "timestamp", "service"),
    *("exc_info", "stack_info", "stacklevel", "extra"),
}
_LONGEST = 1000


class PowertoolsJournal:
    """Writes at once; counts are written by `flush`, which every handler calls at its end."""

    def __init__(self, service: str, deployment: str, logger: Logger | None = None) -> None:
        self._logger = logger or Logger(service=service)
        self._metrics = EphemeralMetrics(namespace=NAMESPACE, service=service)
        self._metrics.set_default_dimensions(deployment=deployment)
        self._counts: dict[str, int] = {}

    def note(self, event: str, **facts: Any) -> None:
        with suppress(Exception):
            self._logger.info(event, extra=_told(facts), stacklevel=3)

    def warn(self, event: str, **facts: Any) -> None:
        with suppress(Exception):
            self._logger.warning(event, extra=_told(facts), stacklevel=3)

    def count(self, metric: str, value: int = 1) -> None:
        self._counts[metric] = self._counts.get(metric, 0) + value

    def flush(self) -> None:
        """Write the counts of this invocation as one EMF line; nothing counted, nothing written."""
        counts, self._counts = self._counts, {}
        with suppress(Exception):
            for metric, value in counts.items():
                self._metrics.add_metric(name=metric, unit=MetricUnit.Count, value=value)
            if counts:
                self._metrics.flush_metrics()


def _told(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts under names a log record has room for, text bounded."""
    return {
        f"{name}_" if name in _RESERVED else name: _bounded(value) for name, value in facts.items()
    }


def _bounded(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST:
        return value[:_LONGEST] + "…"
    if value is None or isinstance(value, (str, int, float, list, dict)):
        return value
    return shown(value, _LONGEST)
