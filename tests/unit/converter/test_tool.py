"""How a program is held to its end."""

import subprocess
import sys

import pytest

from connectors.errors import TransientError
from processors.converter.tool import Limits, running


def test_a_program_that_goes_on_when_its_output_has_ended_is_tried_again_later() -> None:
    limits = Limits(stall_s=0.1, total_s=60, memory_bytes=2**30)
    with (
        running(["sleep", "600"], limits, while_waiting=lambda: None) as tool,
        pytest.raises(TransientError, match="sleep does not end"),
    ):
        tool.status()


_WITHIN_A_LIMIT = """
import os, resource
from processors.converter.tool import Limits, running

resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
if os.getuid() == 0:  # whom no limit holds
    os.setuid(65534)
limits = Limits(stall_s=60, total_s=60, memory_bytes=2**40)
with running(["sh", "-c", "ulimit -v"], limits, while_waiting=lambda: None) as tool:
    print(int(b"".join(tool.chunks())) * 1024 == 2**32)
"""


def test_where_less_memory_is_allowed_than_is_set_that_is_the_limit() -> None:
    program = [sys.executable, "-c", _WITHIN_A_LIMIT]
    done = subprocess.run(program, check=False, capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr
