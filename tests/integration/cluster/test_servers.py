"""The servers of a cluster as tests use them: one by one, and never beyond the test."""

import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from ops.cluster.cluster import Cluster
from ops.cluster.errors import ServerFailed
from ops.cluster.ports import free_ports
from ops.cluster.process import Process, note_process, read_process
from ops.cluster.programs import Programs
from ops.cluster.server import Recipe, Server
from tests.integration.cluster import clients

_NOTHING = Programs(Path(), Path(), Path(), Path())
_START_S = 120
_GONE_S = 90


def test_the_shared_cluster_has_schemas_and_no_topics(cluster: Cluster) -> None:
    assert {status.state for status in cluster.status()} == {"healthy"}
    assert "reelay.video.uploaded-value" in clients.subjects(cluster.connections())
    assert "reelay.video.uploaded" not in clients.topics(cluster.connections())


def test_a_server_outlives_the_thread_that_started_it(
    cluster_programs: Programs, tmp_path: Path
) -> None:
    alone = Cluster(tmp_path / "cluster")
    starting = threading.Thread(target=alone.store.start)
    starting.start()
    starting.join()
    try:
        assert alone.store.status().state == "healthy"
        assert alone.kafka.status().state == "stopped"
    finally:
        alone.stop()


def test_servers_end_with_the_program_that_started_them(
    cluster_programs: Programs, tmp_path: Path
) -> None:
    program = f"""
        import signal
        from pathlib import Path
        from ops.cluster.cluster import Cluster
        cluster = Cluster(Path({str(tmp_path / "cluster")!r}))
        cluster.store.start()
        cluster.registry.launch()
        print(cluster.store.pid, cluster.registry.pid, flush=True)
        signal.pause()
    """
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    )
    with owner:
        assert owner.stdout is not None
        servers = [Process.of(int(pid)) for pid in owner.stdout.readline().split()]
        owner.kill()
    assert len(servers) == 2
    assert all(server is not None and server.wait(_GONE_S) for server in servers)


def test_a_server_whose_process_cannot_be_noted_is_not_left_running(tmp_path: Path) -> None:
    (tmp_path / ".pauser.pid").mkdir()  # in the way of the note
    pauser = Recipe(
        "pauser",
        version="1",
        address="",
        port=next(free_ports()),
        command=lambda _: [sys.executable, "-c", "import signal; signal.pause()"],
        answers=lambda: True,
    )
    before = psutil.Process().children()

    with pytest.raises(IsADirectoryError):
        Server(pauser, tmp_path, lambda: _NOTHING).launch()

    assert psutil.Process().children() == before


def test_data_of_a_later_version_are_named_as_such_with_what_to_do(tmp_path: Path) -> None:
    last_words = "Caused by: UnsupportedVersionException: Can't read version 4 of BrokerEndpoint"
    misfit = Recipe(
        "kafka",
        version="4.2.1",
        address="",
        port=next(free_ports()),
        command=lambda _: [sys.executable, "-c", f"print({last_words!r})"],
        answers=lambda: False,
        misfit="UnsupportedVersionException",
    )

    with pytest.raises(
        ServerFailed, match=r"4\.2\.1 cannot read what a later version wrote; `reelay cluster"
    ):
        Server(misfit, tmp_path, lambda: _NOTHING).start()


def test_a_pid_that_was_used_again_is_nobody(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as other:
        process = Process.of(other.pid)
        assert process is not None
        note_process(process, tmp_path / "note")
        assert read_process(tmp_path / "note") == process
        earlier = Process(process.pid, process.started - 1)
        note_process(earlier, tmp_path / "note")
        assert read_process(tmp_path / "note") is None
        earlier.signal(9)
        assert process.runs
        other.kill()
