"""The local cluster: Kafka, schema registry and object store, started together."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from connectors.settings import Connections
from ops.cluster import kafka, registry, store
from ops.cluster.certificates import certificates_in, make_certificates
from ops.cluster.errors import ClusterError
from ops.cluster.programs import Programs, default_cache, prepare
from ops.cluster.server import Server, ServerStatus, any_runs
from ops.cluster.setup import USER, Ports, Setup, new_setup, read_setup, write_setup

_HEAP_MB = 512
_ABOUT_SERVERS = ("REELAY_KAFKA_", "REELAY_REGISTRY_", "REELAY_STORE_", "REELAY_TLS_")


class Cluster:
    """A cluster whose data, logs and addresses are in `folder`, and stay as they are between starts.

    secure: TLS everywhere, and passwords for Kafka. ports: where the servers of a new cluster listen.
    outlives: whether its servers go on when this program ends; otherwise they never do. kafka_heap_mb:
    the broker's memory for objects. tell: takes a line about what takes long.

    As a context manager it is started, and stopped at the end. Raises ClusterError, OSError.
    """

    def __init__(
        self,
        folder: Path,
        *,
        secure: bool = False,
        ports: Ports = Ports(),  # noqa: B008  # frozen
        outlives: bool = False,
        kafka_heap_mb: int = _HEAP_MB,
        cache: Path | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder.resolve()
        self._setup = _setup(self.folder, ports, secure)
        self._outlives = outlives
        self._cache = default_cache(os.environ) if cache is None else cache
        self._tell = tell
        self._watchdog: subprocess.Popen[bytes] | None = None
        recipes = (
            kafka.recipe(self.folder, self._setup, heap_mb=kafka_heap_mb),
            registry.recipe(self.folder, self._setup),
            store.recipe(self.folder, self._setup),
        )
        self.kafka, self.registry, self.store = self.servers = tuple(
            Server(recipe, self.folder, self._ready) for recipe in recipes
        )

    @classmethod
    def found(cls, folder: Path) -> "Cluster | None":
        """The cluster that is in this folder, if there is one; it outlives this program."""
        setup = read_setup(folder)
        return None if setup is None else cls(folder, secure=setup.secure, outlives=True)

    def connections(self, **more: Any) -> Connections:
        """How clients reach it. more: further settings, or others."""
        setup = self._setup
        return Connections.only(
            **{
                "kafka_brokers": kafka.address(setup),
                "registry_url": registry.url(setup),
                "store_url": f"s3://{store.BUCKET}",
                "store_endpoint": store.url(setup),
                "store_access_key": USER,
                "store_secret_key": setup.password,
                **(self._security() if setup.secure else {}),
                **more,
            }
        )

    def environment(self) -> dict[str, str]:
        """The variables by which Reelay's programs reach it. Holds the passwords."""
        variables = self.connections().environment()
        return {name: value for name, value in variables.items() if name.startswith(_ABOUT_SERVERS)}

    def start(self) -> None:
        """Start what does not run, all at once, and wait until it answers. Raises ClusterError,
        OSError."""
        for server in self.servers:
            server.check_port()
        for server in reversed(self.servers):  # Kafka's first start takes this program's time
            server.launch()
        for server in self.servers:
            server.wait()
        if not store.has_bucket(self.folder):
            store.make_bucket(self.connections())

    def stop(self) -> None:
        """Stop all of them, cleanly. Raises ServerFailed."""
        for server in self.servers:
            server.ask_to_stop()
        for server in self.servers:
            server.stop()
        if self._watchdog is not None:
            self._watchdog.kill()
            self._watchdog.wait()
            self._watchdog = None

    def certify(self, *, expired: bool = False) -> None:
        """Give the servers of a secure cluster a new certificate, which each reads when it starts.

        expired: whether its time is over. Raises OSError.
        """
        make_certificates(self.folder, expired=expired)

    def status(self) -> list[ServerStatus]:
        """How each server is."""
        return [server.status() for server in self.servers]

    def delete(self) -> None:
        """Remove all data of a cluster that is stopped. Raises OSError."""
        shutil.rmtree(self.folder)

    def __enter__(self) -> "Cluster":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @cached_property
    def _programs(self) -> Programs:
        return prepare(self._cache, self._tell)

    def _security(self) -> dict[str, object]:
        return {
            "kafka_tls": True,
            "kafka_username": USER,
            "kafka_password": self._setup.password,
            "tls_ca": str(certificates_in(self.folder).ca),
        }

    def _ready(self) -> Programs:
        """What is to be there before a server starts."""
        self._watch()
        return self._programs

    def _watch(self) -> None:
        if not self._outlives and (self._watchdog is None or self._watchdog.poll() is not None):
            self._watchdog = subprocess.Popen(
                [sys.executable, "-m", "ops.cluster.watchdog", str(os.getpid()), self.folder],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )


def _setup(folder: Path, ports: Ports, secure: bool) -> Setup:
    setup = read_setup(folder)
    if setup is None:
        if folder.is_dir() and any(folder.iterdir()):
            raise ClusterError(f"{folder} holds something else: choose an empty folder")
        setup = new_setup(ports, secure=secure)
        if secure:
            make_certificates(folder)
        write_setup(setup, folder)
    elif setup.secure != secure:
        kind = "with" if setup.secure else "without"
        raise ClusterError(f"the cluster in {folder} was made {kind} security; delete it first")
    elif any_runs(folder):
        if setup.ports != setup.ports.changed(ports):
            raise ClusterError(f"the cluster in {folder} runs on other ports; stop it first")
    elif setup != (moved := setup.moved(ports)):
        setup = moved
        write_setup(setup, folder)
    return setup
