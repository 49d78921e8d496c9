"""Ports on loopback: which are free, and which to take where nobody said."""

import random
import socket
from collections.abc import Iterator
from pathlib import Path

HOST = "127.0.0.1"
_LOWEST = 10_000
_CONNECT_S = 1.0
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_EPHEMERAL_BY_DEFAULT = 32_768


def free_ports() -> Iterator[int]:
    """Different free ports, below those that the system gives to clients.

    A server that restarts comes back on its port; a client that tries it meanwhile must not get that
    very port for its own end, which on loopback would connect it to itself.
    """
    ports = list(range(_LOWEST, _lowest_ephemeral()))
    random.SystemRandom().shuffle(ports)
    return (port for port in ports if is_free(port))


def is_free(port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((HOST, port), timeout=_CONNECT_S).close()
    except OSError:
        return False
    return True


def _lowest_ephemeral() -> int:
    try:
        lowest = int(_EPHEMERAL.read_text().split()[0])
    except (OSError, ValueError):
        return _EPHEMERAL_BY_DEFAULT
    return lowest if lowest > _LOWEST + 1000 else _EPHEMERAL_BY_DEFAULT
