"""The two ports of a local platform."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass

from local.errors import PlatformError

VARIABLE = "BATCHYARD_PORT"
DEFAULT = 4566


@dataclass(frozen=True, slots=True)
class Ports:
    """`cloud` serves AWS, `gateway` AWS Batch; both on 127.0.0.1."""

    cloud: int = DEFAULT
    gateway: int = DEFAULT + 1

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Ports:
        """The port in BATCHYARD_PORT and the one after it. Raises PlatformError."""
        text = environ.get(VARIABLE, str(DEFAULT))
        if not (text.isascii() and text.isdigit() and 1024 <= int(text) <= 65534):
            raise PlatformError(f"{VARIABLE} is '{text}': a port from 1024 to 65534 is needed.")
        return cls(int(text), int(text) + 1)

    @classmethod
    def free(cls) -> Ports:
        """Two ports that nobody uses now, for tests that run side by side."""
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            other.bind(("127.0.0.1", 0))
            return cls(one.getsockname()[1], other.getsockname()[1])

    def check(self) -> None:
        """Raises PlatformError naming a port that is taken."""
        for port in (self.cloud, self.gateway):
            if taken(port):
                raise PlatformError(
                    f"Port {port} is in use: end what listens there, or set {VARIABLE} to the "
                    "first of two free ports."
                )


def taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
