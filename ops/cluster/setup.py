"""What a cluster keeps about itself, so that it comes back on the same addresses with the same data."""

import json
import os
import secrets
from base64 import urlsafe_b64encode
from dataclasses import asdict, astuple, dataclass, field, replace
from pathlib import Path
from uuid import uuid4

from ops.cluster.errors import ClusterError
from ops.cluster.ports import free_ports, is_free

_FILE = "setup.json"
USER = "reelay"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the servers listen; 0: on a free port, chosen once."""

    kafka: int = 0
    registry: int = 0
    store: int = 0

    def changed(self, to: "Ports") -> "Ports":
        """These, but those of `to` that are not 0."""
        return Ports(to.kafka or self.kafka, to.registry or self.registry, to.store or self.store)


@dataclass(frozen=True, slots=True)
class Setup:
    """controller, internal: ports that only the broker itself uses. kafka_id: the cluster's, as Kafka
    writes a UUID. password: of the user `USER`, at Kafka and the store."""

    ports: Ports
    controller: int
    internal: int
    secure: bool
    kafka_id: str
    password: str = field(repr=False)

    def moved(self, ports: Ports) -> "Setup":
        """The setup for these ports. The broker's own are others if somebody has taken them."""
        changed = self.ports.changed(ports)
        free = (port for port in free_ports() if port not in astuple(changed))
        return replace(
            self,
            ports=changed,
            controller=self.controller if is_free(self.controller) else next(free),
            internal=self.internal if is_free(self.internal) else next(free),
        )


def read_setup(folder: Path) -> Setup | None:
    """The setup of the cluster in this folder, if there is one. Raises ClusterError, OSError."""
    path = folder / _FILE
    try:
        noted = json.loads(path.read_bytes())
        return Setup(**noted | {"ports": Ports(**noted["ports"])})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise ClusterError(f"{path} is not a cluster's setup") from error


def new_setup(ports: Ports, *, secure: bool) -> Setup:
    """A setup with free ports for those that nobody chose."""
    free = (port for port in free_ports() if port not in astuple(ports))
    return Setup(
        ports=Ports(ports.kafka or next(free), ports.registry or next(free), ports.store or next(free)),
        controller=next(free),
        internal=next(free),
        secure=secure,
        kafka_id=urlsafe_b64encode(uuid4().bytes).decode().rstrip("="),
        password=secrets.token_urlsafe(24),
    )


def write_setup(setup: Setup, folder: Path) -> None:
    """Keep it, for its owner's eyes only. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    making = folder / f".{_FILE}"
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(setup), file, indent=2)
    making.rename(folder / _FILE)
