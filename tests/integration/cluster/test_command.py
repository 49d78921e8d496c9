"""`reelay cluster up|status|down`: servers that come back with their data and leave nothing behind."""

import shlex
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ops.cluster.programs import Programs
from ops.cluster.server import any_runs
from schemas.topics import TOPICS
from tests.integration.cluster import clients
from tests.integration.cluster.command import ANY_PORTS, Command, pids, processes

_GONE_S = 90


@pytest.fixture(scope="module")
def command(cluster_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """The command for one cluster. Each test brings it up, which costs nothing if it is."""
    command = Command(tmp_path_factory.mktemp("command") / "cluster")
    yield command
    command.run("down", "--delete")


def test_up_leaves_a_cluster_with_topics_schemas_and_a_bucket(command: Command) -> None:
    reached = command.up()
    assert {topic.name for topic in TOPICS} <= set(clients.topics(reached))
    assert {topic.subject for topic in TOPICS} <= set(clients.subjects(reached))
    clients.put(reached, "a/key", b"content")
    assert clients.get(reached, "a/key") == b"content"


def test_up_again_leaves_what_runs_alone_and_prints_exports_for_the_shell(command: Command) -> None:
    command.up()
    before = command.servers()
    done = command.run("up")
    assert done.returncode == 0, done.stderr
    assert pids(command.servers()) == pids(before)
    lines = [shlex.split(line) for line in done.stdout.splitlines()]
    assert {line[0] for line in lines} == {"export"}
    assert "REELAY_KAFKA_BROKERS" in [line[1].partition("=")[0] for line in lines]
    assert "healthy" in done.stderr


def test_servers_that_were_killed_are_seen_and_come_back_with_their_data(command: Command) -> None:
    reached = command.up()
    clients.make_topic(reached, "kept")
    clients.register(reached, "kept-value")
    clients.put(reached, "kept", b"still here")
    for process in processes(command.servers()):
        process.signal(signal.SIGKILL)
        assert process.wait(_GONE_S)

    done = command.run("status")
    assert done.returncode == 1
    assert [line.split()[3] for line in done.stdout.splitlines()] == ["crashed"] * 3
    assert f"log: {command.folder / 'kafka.log'}" in done.stdout

    assert command.up() == reached
    assert clients.topics(reached)["kept"] == 3
    assert "kept-value" in clients.subjects(reached)
    assert clients.get(reached, "kept") == b"still here"


def test_down_leaves_no_process_and_with_delete_no_data(command: Command) -> None:
    reached = command.up()
    clients.put(reached, "before", b"down")
    before = processes(command.servers())
    assert command.run("down").returncode == 0
    assert not any(process.runs for process in before)
    assert command.up() == reached
    assert clients.get(reached, "before") == b"down"

    before = processes(command.servers())
    assert command.run("down", "--delete").returncode == 0
    assert not any(process.runs for process in before)
    assert not command.folder.exists()
    assert command.run("status").returncode == 1


def test_a_start_that_is_broken_off_says_that_servers_go_on(
    cluster_programs: Programs, tmp_path: Path
) -> None:
    command = Command(tmp_path / "cluster")
    starting = command.start("up", *ANY_PORTS)
    deadline = time.monotonic() + _GONE_S
    while not any_runs(command.folder):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    starting.send_signal(signal.SIGINT)
    _, said = starting.communicate(timeout=_GONE_S)

    assert starting.returncode == 130
    assert "What was started goes on; `reelay cluster down` stops it." in said
    assert command.run("down", "--delete").returncode == 0


def test_a_port_in_use_is_named_in_one_line_before_anything_starts(
    cluster_programs: Programs, tmp_path: Path
) -> None:
    command = Command(tmp_path / "cluster")
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = str(other.getsockname()[1])
        done = command.run("up", *ANY_PORTS, "--registry-port", port)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"port {port} is in use" in done.stderr
    assert "--registry-port" in done.stderr
    assert {server["state"] for server in command.servers().values()} == {"stopped"}


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    done = Command(tmp_path).run("up", *ANY_PORTS)
    assert done.returncode == 1
    assert "holds something else" in done.stderr
    assert Command(tmp_path).run("down", "--delete").returncode == 0
    assert (tmp_path / "letter.txt").exists()


def test_without_java_one_line_says_what_to_install(tmp_path: Path) -> None:
    done = Command(tmp_path / "cluster", PATH=str(tmp_path)).run("up", *ANY_PORTS)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "java is missing: apt install" in done.stderr
