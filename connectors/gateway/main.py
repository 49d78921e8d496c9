"""Serve until told to stop."""

import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from enum import IntEnum
from types import FrameType

import uvicorn
from confluent_kafka import KafkaException
from fastapi import FastAPI

from connectors import logs
from connectors.errors import DependencyDown
from connectors.gateway.app import create_app
from connectors.gateway.keys import KeysUnusable
from connectors.gateway.settings import GatewaySettings
from connectors.kafka.access import reach
from connectors.settings import Connections

log = logging.getLogger("reelay.gateway")

_BACKLOG = 1024


class Exit(IntEnum):
    """Exit statuses, those of processors. All but the first want a supervisor to start it again."""

    DRAINED = 0
    """SIGTERM: running requests were answered, or their time was up."""
    FAILED = 1
    """The address is taken, or the application did not start."""
    SETTINGS = 2
    """A setting has a wrong value; a restart does not help."""
    BROKER = 3
    """The broker cannot be reached, or refuses us."""
    INTERRUPTED = 130
    """Ctrl-C; otherwise as DRAINED."""


def serve(
    connections: Connections,
    settings: GatewaySettings,
    *,
    ready: Callable[[str], None] = lambda url: None,
) -> int:
    """Serve in this process until SIGTERM or Ctrl-C (a second one does not wait for running requests);
    returns the exit status. ready: is given the gateway's URL once it can be reached.

    Call it from the main thread, once per process: it takes over signals and logging.
    """
    logs.configure(connections.log_level)
    try:
        app = create_app(connections, settings)
    except (KeysUnusable, ValueError) as error:
        return _failed(Exit.SETTINGS, error)
    try:
        listening = listen(settings.host, settings.port)
    except OSError as error:
        return _failed(Exit.FAILED, OSError(taken(settings.host, settings.port, error)))
    with listening:
        try:
            reach(connections)
        except (DependencyDown, KafkaException) as error:
            return _failed(Exit.BROKER, error)
        url = _url(settings.host, listening.getsockname()[1])
        server = _Server(serving_config(app, settings), app.state.stop, lambda: ready(url))
        log.info("the gateway serves on %s", url)
        server.run(sockets=[listening])
        if not server.started:
            return _failed(Exit.FAILED, RuntimeError("the gateway did not start"))
        return Exit.INTERRUPTED if server.told == signal.SIGINT else Exit.DRAINED


def serving_config(app: FastAPI, settings: GatewaySettings) -> uvicorn.Config:
    """How the application is served."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.proxies,
        timeout_graceful_shutdown=round(settings.drain_s),
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises OSError if that cannot be done."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def taken(host: str, port: int, error: OSError) -> str:
    """One line about an address that one cannot listen on."""
    return f"cannot listen on {host} port {port}: {error.strerror or error}"


class _Server(uvicorn.Server):
    """Ends streams of events before it waits for running requests, and leaves signals' meaning to us."""

    def __init__(
        self, config: uvicorn.Config, stop: Callable[[], None], ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self.told: int | None = None
        self._stop = stop
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stop()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but a signal is not raised once more at the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self._told) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _told(self, number: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
        self.told = self.told or number


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _failed(status: Exit, error: Exception) -> Exit:
    log.error("%s", error, extra=logs.fields(exit_status=int(status)))
    return status
