"""The settings that every program shares."""

import pytest
from pydantic import ValidationError

from connectors.settings import Connections


def connections(**environ: str) -> Connections:
    return Connections(kafka_brokers="here:1", store_url="file:///there", **environ)  # type: ignore[arg-type]


@pytest.mark.parametrize("level", ["debug", "Info", "WARNING", "error"])
def test_a_log_level_is_known_in_capitals_or_not(level: str) -> None:
    assert connections(log_level=level).log_level == level.upper()


@pytest.mark.parametrize("level", ["loud", "", "5"])
def test_a_log_level_that_is_none_is_refused_when_settings_are_read(level: str) -> None:
    """And not by a traceback of whoever logs first."""
    with pytest.raises(ValidationError, match="'DEBUG', 'INFO', 'WARNING' or 'ERROR'"):
        connections(log_level=level)
