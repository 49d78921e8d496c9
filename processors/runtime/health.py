"""/health/live, /health/ready and /metrics over HTTP, served by a thread of its own.

Live: the poll loop turned lately; if not, a supervisor should restart the process. Ready: the group was
joined, the producer has reached the broker, cancel requests were read, a worker is ready.
"""

import json
import logging
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from processors.runtime.settings import SettingsError

log = logging.getLogger("reelay.runtime")


@dataclass(slots=True)
class Vitals:
    """What the poll loop lets the health thread see."""

    max_poll_age_s: float
    polled_at: float = field(default_factory=time.monotonic)
    joined: bool = False
    producer_initialised: bool = False
    caught_up: bool = False
    workers_ready: int = 0

    def live(self) -> tuple[bool, dict[str, object]]:
        age_s = time.monotonic() - self.polled_at
        return age_s < self.max_poll_age_s, {"last_poll_age_s": round(age_s, 3)}

    def ready(self) -> tuple[bool, dict[str, object]]:
        parts: dict[str, object] = {
            "joined": self.joined,
            "producer_initialised": self.producer_initialised,
            "caught_up": self.caught_up,
            "workers_ready": self.workers_ready,
        }
        return all(parts.values()), parts


class HealthServer:
    """Serves until closed. `port` is the port in use. Raises SettingsError if it cannot be had."""

    def __init__(self, host: str, port: int, vitals: Vitals, registry: CollectorRegistry) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                match self.path:
                    case "/health/live":
                        self._say(*vitals.live())
                    case "/health/ready":
                        self._say(*vitals.ready())
                    case "/metrics":
                        self._send(200, CONTENT_TYPE_LATEST, generate_latest(registry))
                    case _:
                        self._send(404, "text/plain", b"/health/live, /health/ready or /metrics\n")

            def _say(self, well: bool, parts: dict[str, object]) -> None:
                self._send(200 if well else 503, "application/json", json.dumps(parts).encode())

            def _send(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """A scrape every few seconds is not worth a line."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:  # taken, or not an address of this machine
            reason = error.strerror or error
            raise SettingsError(f"health and metrics on {host}:{port}: {reason}") from error
        self._server.daemon_threads = True
        self.port = self._server.server_port
        serve = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="health", daemon=True
        )
        serve.start()
        log.info("health and metrics on http://%s:%s", host, self.port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
