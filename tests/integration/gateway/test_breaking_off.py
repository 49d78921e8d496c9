"""Clients that go away in the middle of what they send."""

import socket

import httpx
import pytest

from tests.integration.gateway.serving import DEADLINE_S, soon


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/v1/videos/left/captions/en"),
        ("POST", "/api/v1/videos/left/replay"),
        ("POST", "/api/v1/session"),
        ("PUT", "/api/v1/upload/left.mp4"),
    ],
)
def test_a_client_that_goes_away_is_no_error_of_ours(
    gateway: httpx.Client, caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    with caplog.at_level("INFO"):
        with socket.create_connection((gateway.base_url.host, gateway.base_url.port), DEADLINE_S) as one:
            one.sendall(
                f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/vtt\r\n"
                "Content-Length: 1000\r\n\r\nWEBVTT".encode()
            )
        soon(lambda: [line for line in caplog.messages if line.startswith(f"{method} {path}: ")])

    assert not [record for record in caplog.records if record.levelname == "ERROR"]
