"""Apache Kafka in KRaft mode: one process that is broker and controller."""

import logging
import subprocess
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ops.cluster import java
from ops.cluster.certificates import certificates_in
from ops.cluster.errors import ServerFailed
from ops.cluster.ports import HOST, is_listening
from ops.cluster.programs import KAFKA_VERSION, Programs
from ops.cluster.server import Recipe
from ops.cluster.setup import USER, Setup

NAME = "kafka"
_ANSWER_S = 3.0
_LOG4J = Path(__file__).with_name("log4j2.xml")

_quiet = logging.getLogger("reelay.cluster.kafka")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


def address(setup: Setup) -> str:
    """Where clients reach it."""
    return f"{HOST}:{setup.ports.kafka}"


def recipe(folder: Path, setup: Setup, *, heap_mb: int) -> Recipe:
    """How the broker is run. folder: the cluster's; heap_mb: its memory for objects."""

    def command(programs: Programs) -> Sequence[str | Path]:
        properties = folder / "kafka.properties"
        properties.touch(mode=0o600)
        properties.write_text(_properties(folder, setup))
        logs = (f"-Dlog4j2.configurationFile={_LOG4J}", f"-Dreelay.log={folder / 'kafka.log'}")
        run: tuple[str | Path, ...] = (
            programs.java,
            *java.flags(heap_mb),
            *logs,
            "-cp",
            f"{programs.kafka}/*",
        )
        if not (_data(folder) / "meta.properties").exists():
            _format(run, properties, folder, setup)
        return [*run, "kafka.Kafka", properties]

    return Recipe(
        name=NAME,
        version=KAFKA_VERSION,
        address=address(setup),
        port=setup.ports.kafka,
        command=command,
        answers=lambda: is_listening(setup.ports.kafka) and _knows_itself(setup),
        misfit="UnsupportedVersionException",
    )


def _data(folder: Path) -> Path:
    return folder / "kafka"


def _format(run: Sequence[str | Path], properties: Path, folder: Path, setup: Setup) -> None:
    """Write the files of a new cluster."""
    # with "=", since an id may begin with "-"
    arguments = ["format", "--config", str(properties), f"--cluster-id={setup.kafka_id}"]
    if setup.secure:
        arguments += ["--add-scram", f"SCRAM-SHA-512=[name={USER},password={setup.password}]"]
    in_file = folder / "kafka.format"  # a command line is for everybody to see
    in_file.touch(mode=0o600)
    in_file.write_text("\n".join(arguments) + "\n")
    done = subprocess.run(
        [*run, "kafka.tools.StorageTool", f"@{in_file}"],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    in_file.unlink()
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise ServerFailed(f"Kafka's data folder could not be made: {words[-1] if words else ''}")


def _knows_itself(setup: Setup) -> bool:
    """Whether the broker is registered, and so serves clients."""
    client = AdminClient(
        {"bootstrap.servers": f"{HOST}:{setup.internal}", "log_level": 0}, logger=_quiet
    )
    try:
        return bool(client.list_topics(timeout=_ANSWER_S).brokers)
    except KafkaException:
        return False


def _properties(folder: Path, setup: Setup) -> str:
    clients = f"CLIENTS://{HOST}:{setup.ports.kafka}"
    internal = f"INTERNAL://{HOST}:{setup.internal}"
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{setup.controller}",
        "listeners": f"{clients},{internal},CONTROLLER://{HOST}:{setup.controller}",
        "advertised.listeners": f"{clients},{internal}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "INTERNAL",
        "listener.security.protocol.map": f"CLIENTS:{'SASL_SSL' if setup.secure else 'PLAINTEXT'}"
        ",INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": _data(folder),
        # One broker keeps the only copy.
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # Small, so that it starts and answers soon.
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.num.partitions": 1,
        "log.cleaner.dedupe.buffer.size": 8 * 2**20,
        "log.index.size.max.bytes": 2**20,
        "auto.create.topics.enable": "false",
        # Groups form at once, and notice soon who has gone.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "group.consumer.min.session.timeout.ms": 1000,
        "group.consumer.session.timeout.ms": 10_000,
        "group.consumer.min.heartbeat.interval.ms": 200,
        "group.consumer.heartbeat.interval.ms": 1000,
        # A broker that was killed is let in again once its former life is counted as over.
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 3000,
        # A dead producer's transaction is looked for every second, not every ten.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
    }
    if setup.secure:
        settings |= {
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.clients.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": certificates_in(folder).both,
        }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
