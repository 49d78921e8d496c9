"""`reelay gateway` as an operator runs it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.integration.gateway.serving import DEADLINE_S, Place

REELAY = Path(sys.executable).with_name("reelay")


def environ(place: Place) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("REELAY_")}
    return {**clean, **place.connections.environment()}


def test_it_serves_until_it_is_told_to_stop_and_ends_its_streams(place: Place) -> None:
    with subprocess.Popen(
        [REELAY, "gateway", "--port", "0", "--no-page"],
        env=environ(place),
        stderr=subprocess.PIPE,
        text=True,
    ) as gateway:
        assert gateway.stderr is not None
        url = next(line for line in gateway.stderr if line.startswith("Reelay is at ")).split()[-1]
        with httpx.Client(base_url=url, timeout=DEADLINE_S) as client:
            assert client.get("/health/live").status_code == 200
            assert client.get("/").status_code == 404
            with client.stream("GET", "/api/v1/events") as events:
                lines = events.iter_lines()
                assert next(lines).startswith("retry: ")
                gateway.send_signal(signal.SIGTERM)
                assert any(line == ": going away" for line in lines)
        assert gateway.wait(DEADLINE_S) == 0


def test_a_broker_that_is_not_there_ends_it_with_its_own_status(place: Place) -> None:
    done = subprocess.run(
        [REELAY, "gateway", "--port", "0"],
        env=environ(place) | {"REELAY_KAFKA_BROKERS": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 3
    assert "broker" in done.stderr


def test_a_new_key_goes_to_stdout_and_what_accepts_it_to_stderr(place: Place) -> None:
    done = subprocess.run(
        [REELAY, "gateway", "--new-key", "graphs", "--scope", "read"],
        env=environ(place),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    assert len(done.stdout.strip()) > 40
    assert done.stderr.startswith("graphs:read:")
    assert done.stdout.strip() not in done.stderr
