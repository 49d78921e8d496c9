"""`reelay up` with its gateway, on a state folder of its own, that can go away and come back."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.cluster.ports import free_ports
from tests.integration.up.world import World, soon

START_S = 120.0
PROCESS_S = 240.0
"""How long the clip may take on a loaded machine."""


@dataclass(slots=True)
class Service:
    """The address stays the same over restarts."""

    root: Path
    port: int = field(default_factory=lambda: next(free_ports()))
    _world: World = field(init=False)

    def __post_init__(self) -> None:
        self._world = World(self.root, self.root, self.root / "out")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> Path:
        return self._world.state.store

    def start(self) -> None:
        """Start it; back when it is ready to be used."""
        self._world.start("--http", f"127.0.0.1:{self.port}")
        soon(self._is_ready, within_s=START_S)

    def stop(self) -> None:
        """Stop all of it."""
        self._world.close()

    def get(self, path: str) -> bytes:
        """What the gateway answers at a path."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            content: bytes = answer.read()
            return content

    def video(self, video_id: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get(f"/api/v1/videos/{video_id}"))
        return found

    def _is_ready(self) -> bool:
        try:
            self.get("/health/ready")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return True
