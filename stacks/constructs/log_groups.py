"""How long CloudWatch Logs keeps a line."""

from __future__ import annotations

from aws_cdk import aws_logs as logs


def retention(days: int) -> logs.RetentionDays:
    """The shortest retention CloudWatch Logs offers that keeps lines for at least `days`."""
    offered = {
        1: logs.RetentionDays.ONE_DAY,
        7: logs.RetentionDays.ONE_WEEK,
        30: logs.RetentionDays.ONE_MONTH,
        90: logs.RetentionDays.THREE_MONTHS,
        365: logs.RetentionDays.ONE_YEAR,
        3653: logs.RetentionDays.TEN_YEARS,
    }
    return next(
        (kept for least, kept in offered.items() if days <= least), logs.RetentionDays.INFINITE
    )
