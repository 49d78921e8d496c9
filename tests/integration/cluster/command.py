"""`reelay cluster` as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from connectors.settings import Connections
from ops.cluster.process import Process

_COMMAND_S = 200
ANY_PORTS = ("--kafka-port", "0", "--registry-port", "0", "--store-port", "0")


class Command:
    """The command, for the cluster in one folder."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self._environment = environment

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it and wait."""
        return subprocess.run(
            self._command(*arguments),
            env=os.environ | self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_S,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Run it, and do not wait."""
        return subprocess.Popen(
            self._command(*arguments),
            env=os.environ | self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def up(self) -> Connections:
        """Start what does not run. Returns what it says of how to reach it."""
        done = self.run("up", *(() if self.folder.exists() else ANY_PORTS), "--json")
        assert done.returncode == 0, done.stderr
        environment = json.loads(done.stdout)["environment"]
        return Connections.only(
            **{name.removeprefix("REELAY_").lower(): value for name, value in environment.items()}
        )

    def servers(self) -> "Servers":
        """What `status` says of each server."""
        return {
            server["name"]: server
            for server in json.loads(self.run("status", "--json").stdout)["servers"]
        }

    def _command(self, name: str, *more: str) -> list[str | Path]:
        return [sys.executable, "-m", "ops.cli.main", "cluster", name, "--folder", self.folder, *more]


Servers = dict[str, dict[str, Any]]


def pids(servers: Servers) -> list[int]:
    """Their processes, by number."""
    return [server["pid"] for server in servers.values()]


def processes(servers: Servers) -> list[Process]:
    """Their processes, all running."""
    found = [Process.of(pid) for pid in pids(servers)]
    return [process for process in found if process is not None]
