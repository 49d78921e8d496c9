"""What a processor says of itself over HTTP."""

import pytest
from prometheus_client import CollectorRegistry

from processors.runtime.health import HealthServer, Vitals
from processors.runtime.settings import SettingsError


def test_an_address_that_cannot_be_had_is_told_in_one_line() -> None:
    vitals, registry = Vitals(max_poll_age_s=60), CollectorRegistry()
    first = HealthServer("127.0.0.1", 0, vitals, registry)
    try:
        with pytest.raises(
            SettingsError, match=rf"on 127\.0\.0\.1:{first.port}: Address already in use"
        ):
            HealthServer("127.0.0.1", first.port, vitals, registry)
    finally:
        first.close()
    with pytest.raises(SettingsError, match=r"on 192\.0\.2\.1:0: "):  # an address for documentation
        HealthServer("192.0.2.1", 0, vitals, registry)
