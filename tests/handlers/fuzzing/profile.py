"""How many examples a test is given: few in the suite, many with `--hypothesis-profile=long`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

#: What a profile says is taken as a share of hypothesis's own hundred.
_SHARE = settings.default.max_examples / 100  # type: ignore[union-attr]
_SLOW = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much)


def examples(number: int, **more: int) -> settings:
    """So many examples in a normal run, fresh ones in every run, also in CI."""
    return settings(
        max_examples=max(1, round(number * _SHARE)),
        derandomize=False,
        print_blob=True,
        deadline=None,
        suppress_health_check=_SLOW,
        **more,
    )
