"""The memory of a process tree."""

import subprocess
import sys
import time
from pathlib import Path

from ops.benchmarks.tree import PeakMemory

_MB = 10**6
_DEADLINE_S = 90.0


def test_memory_of_what_a_program_starts_is_counted_for_the_log_it_writes(tmp_path: Path) -> None:
    grandchild = "x = bytearray(b'x') * 80_000_000; input()"
    program = (
        "import subprocess, sys\n"
        f"log = open({str(tmp_path / 'converter.log')!r}, 'w')\n"
        f"subprocess.run([sys.executable, '-c', {grandchild!r}], stderr=log)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as running:
        with PeakMemory(running.pid) as memory:
            deadline = time.monotonic() + _DEADLINE_S
            while memory.parts["converter"] < 80 * _MB:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        running.communicate(b"\n")

    assert memory.peak_bytes > memory.parts["converter"]
    assert 0 < memory.parts["the rest"] < 50 * _MB
