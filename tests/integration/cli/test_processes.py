"""The local pipeline's processes: there when needed, gone when not."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Producer

from ops.pipeline.broker import PARTITIONS, topics
from ops.pipeline.processes import PipelineLost, ProcessDied, Processes
from ops.pipeline.restarts import Patience
from processors.aggregator.app import internal_topics

_DEADLINE_S = 120.0
SETTINGS = {"REELAY_KAFKA_BROKERS": "127.0.0.1:1", "REELAY_STORE_URL": "file:///nowhere"}


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_broker_has_every_topic_before_it_says_its_address(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        found = Producer({"bootstrap.servers": processes.start_broker()}).list_topics(timeout=60).topics

    assert set(topics()) <= set(found)
    assert set(internal_topics()) <= set(found)
    assert {len(found[name].partitions) for name in topics()} == {PARTITIONS}


def test_a_process_that_keeps_dying_is_restarted_some_times_and_then_named_with_its_log(
    tmp_path: Path,
) -> None:
    with Processes(tmp_path, Patience(restarts=1, first_pause_s=0.01)) as processes:
        processes.start("no-such", SETTINGS)
        with pytest.raises(ProcessDied, match=r"no-such stopped .exit status 1.; see .*no-such\.log"):
            wait_until(lambda: processes.watch() is not None)

    assert (tmp_path / "no-such.log").read_text().count("No module named 'processors.no-such'") == 2


def test_a_wrong_setting_is_told_without_a_restart(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        processes.start("enricher", {**SETTINGS, "REELAY_RUNTIME_WORKERS": "none"})
        with pytest.raises(
            ProcessDied, match="enricher: REELAY_RUNTIME_WORKERS='none': input should be"
        ):
            wait_until(lambda: processes.watch() is not None)


def test_a_dead_broker_ends_the_run_at_once(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        others = psutil.Process().children()
        processes.start_broker()
        (broker,) = set(psutil.Process().children()) - set(others)
        broker.send_signal(signal.SIGKILL)
        with pytest.raises(PipelineLost, match=r"broker stopped .killed by SIGKILL"):
            wait_until(lambda: processes.watch() is not None)


def test_processes_die_with_the_program_even_if_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, threading\n"
        "from ops.pipeline.processes import Processes\n"
        f"with Processes(pathlib.Path({str(tmp_path)!r})) as processes:\n"
        "    print(processes.start_broker(), flush=True)\n"
        "    threading.Event().wait()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent, parent.stdout:
        assert parent.stdout.readline()
        (broker,) = psutil.Process(parent.pid).children()

        parent.kill()

        _, alive = psutil.wait_procs([broker], timeout=_DEADLINE_S)
        assert alive == []
