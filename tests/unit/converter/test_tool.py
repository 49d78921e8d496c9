"""How a program is held to its end."""

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
