"""What a person is told when the local platform cannot do its work."""

from __future__ import annotations


class PlatformError(Exception):
    """One clear sentence, shown as it is; the command ends with exit code 1."""
