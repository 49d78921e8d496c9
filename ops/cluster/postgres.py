"""A PostgreSQL server of one's own, in a temporary folder, from the machine's packages: for tests and
benchmarks of the catalogue."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from ops.cluster.errors import ServerFailed, ToolMissing
from ops.cluster.ports import HOST, free_ports, is_listening

_PACKAGES = Path("/usr/lib/postgresql")
_USERS = ("postgres", "nobody")
"""Who runs it if we are root, whom it refuses."""
_START_S = 60.0
_STOP_S = 30.0
_TICK_S = 0.05


class PostgresServer:
    """A server that ends with this context, and with the thread that started it. Raises ToolMissing
    where PostgreSQL is not installed, ServerFailed if it does not start."""

    def __init__(self) -> None:
        self._programs = _programs()
        self._as_user = _as_user()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = next(free_ports())
        self.url = f"postgresql://reelay@{HOST}:{self.port}/postgres"
        # not in the caller's folder, where another user may not go
        self._folder = Path(tempfile.mkdtemp(prefix="reelay-postgres-"))

    def start(self) -> None:
        """Start it, for the first time or again, and wait until it answers."""
        data = self._folder / "data"
        if not data.exists():
            self._make(data)
        command: list[str | Path] = [self._programs / "postgres", "-D", data, *self._options()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_user, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
            )
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() >= deadline:
                raise ServerFailed(f"PostgreSQL does not answer: {self._last_words()}")
            time.sleep(_TICK_S)

    def stop(self) -> None:
        """Stop it as an operator does who does not wait for clients."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill it on the spot."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> "PostgresServer":
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make(self, data: Path) -> None:
        if os.geteuid() == 0:
            user = pwd.getpwnam(_user())
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        self._folder.chmod(0o700)
        command: list[str | Path] = [
            self._programs / "initdb",
            "-D",
            data,
            "-U",
            "reelay",
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        made = subprocess.run(
            [*self._as_user, *command, "--locale=C", "--no-sync"],
            capture_output=True,
            check=False,
            timeout=_START_S,
            cwd=self._folder,
        )
        if made.returncode:
            raise ServerFailed(f"initdb: {made.stderr.decode(errors='replace').strip()}")

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_wal_size": "4GB",
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _answers(self) -> bool:
        if not is_listening(self.port):
            return False
        asked: list[str | Path] = [self._programs / "pg_isready", "-q", "-h", HOST, "-p", str(self.port)]
        return subprocess.run(asked, check=False, timeout=_START_S).returncode == 0

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_S)
        self._process = None

    def _last_words(self) -> str:
        lines = (self._folder / "log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _programs() -> Path:
    """The folder with the newest version's programs."""
    folders = [folder for folder in _PACKAGES.glob("*/bin") if (folder / "postgres").exists()]
    if found := shutil.which("postgres"):
        folders.append(Path(found).parent)
    if not folders or shutil.which("setpriv") is None:
        raise ToolMissing("PostgreSQL's server is not installed (Debian: postgresql)")
    return max(folders, key=lambda folder: (folder.parent.name.isdecimal(), folder.parent.name))


def _as_user() -> list[str]:
    """What to put before a command so that it runs as a user whom PostgreSQL accepts, and ends with
    us."""
    ends = ["setpriv", "--pdeathsig", "KILL"]
    if os.geteuid() != 0:
        return ends
    user = pwd.getpwnam(_user())
    return [*ends, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    for name in _USERS:
        if name in names:
            return name
    raise ToolMissing("PostgreSQL does not run as root, and there is no user to run it as")
