"""A process of the pipeline, forked from a program with one thread."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

_PROGRAM = """
import os, pathlib, signal, sys, threading
from ops.pipeline.processes import Processes
from processors.runtime.birth import may_fork

folder = pathlib.Path(sys.argv[1])
signal.signal(signal.SIGHUP, lambda *_: None)
lock = open(folder / "lock", "w")
assert may_fork()
with Processes(folder) as processes:
    print(processes.start_broker(), flush=True)
    threading.Event().wait()
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[psutil.Process]:
    """The broker that such a program started."""
    command = [sys.executable, "-c", _PROGRAM, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline()
        (child,) = psutil.Process(program.pid).children()
        yield child
        program.kill()


def test_a_forked_process_holds_no_file_of_its_parent(broker: psutil.Process, tmp_path: Path) -> None:
    assert str(tmp_path / "lock") not in [file.path for file in broker.open_files()]
    assert os.readlink(f"/proc/{broker.pid}/fd/2") == str(tmp_path / "broker.log")


def test_a_forked_process_is_called_by_its_name(broker: psutil.Process) -> None:
    assert broker.name() == "broker"


def test_a_forked_process_is_out_of_reach_of_the_terminal(broker: psutil.Process) -> None:
    assert os.getsid(broker.pid) == os.getpgid(broker.pid) == broker.pid


def test_a_forked_process_has_none_of_its_parents_signal_handlers(broker: psutil.Process) -> None:
    status = Path(f"/proc/{broker.pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    assert int(caught.split()[1], 16) & 1 == 0  # SIGHUP is number 1
