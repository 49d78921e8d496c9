"""A process of the local pipeline: the broker, or a processor by its name.

It is forked where that can be done, since it then finds imported what it needs, and is otherwise a new
interpreter (`python -m ops.pipeline.child NAME PID-OF-PARENT`). It never outlives the thread that
started it.
"""

import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

from ops.pipeline import GATEWAY
from processors.runtime.birth import die_with, may_fork

WRONG_SETTINGS = 2
"""Exit status that no restart helps."""

_TICK_S = 0.01
_STANDARD_FILES = 3
_OWN_ENVIRON = {
    # What lies in the user's folder is not imported, by this process or one that it starts.
    "PYTHONSAFEPATH": "1",
    # Processes work side by side, so each has one thread for arithmetic; and one with more cannot fork.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


class Child:
    """One such process, leader of a session of its own, so that Ctrl-C does not reach it."""

    def __init__(self, name: str, environ: Mapping[str, str], *, stdout: int, stderr: int) -> None:
        """Start it. environ: variables added to this process's. stdout, stderr: open files."""
        environ = {**os.environ, **_OWN_ENVIRON, **environ}
        start = _fork if may_fork() else _spawn
        self.pid = start(name, environ, stdout, stderr)
        self._status: int | None = None

    def poll(self) -> int | None:
        """Its exit status, negative for the signal that killed it; None while it runs."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def wait(self, until: float) -> None:
        """Until it has ended, at most until that moment (`time.monotonic`)."""
        while self.poll() is None and time.monotonic() < until:
            time.sleep(_TICK_S)

    def terminate(self) -> None:
        """Ask it to stop."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it now, with what it started that is still of its process group."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:  # nothing is left, or it has not come to lead its group
            if self.poll() is None:
                os.kill(self.pid, signal.SIGKILL)


def main(name: str, parent: int) -> int:
    """Run the broker, the gateway or a processor. Returns its exit status."""
    die_with(parent)
    if name == "broker":
        from ops.pipeline.broker import serve  # noqa: PLC0415

        return serve()
    from ops.pipeline.gateway import run_gateway  # noqa: PLC0415
    from ops.pipeline.processors import run_processor  # noqa: PLC0415
    from processors.runtime.settings import SettingsError  # noqa: PLC0415

    try:
        return run_gateway() if name == GATEWAY else run_processor(name)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return WRONG_SETTINGS


def _spawn(name: str, environ: Mapping[str, str], stdout: int, stderr: int) -> int:
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-P", "-m", "ops.pipeline.child", name, str(os.getpid())],
        environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, stdout, 1),
            (os.POSIX_SPAWN_DUP2, stderr, 2),
        ],
        setsid=True,
    )


def _fork(name: str, environ: Mapping[str, str], stdout: int, stderr: int) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _begin_anew(name, environ, stdout, stderr)
        status = main(name, parent)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)  # whatever the parent's callers have yet to do is not for this process to do


def _begin_anew(name: str, environ: Mapping[str, str], stdout: int, stderr: int) -> None:
    """Be as a new interpreter would be, but for what is imported."""
    os.setsid()
    Path("/proc/self/comm").write_text(name, "utf-8")  # `top` shows it; the command is the parent's
    for file, number in ((os.open(os.devnull, os.O_RDONLY), 0), (stdout, 1), (stderr, 2)):
        os.dup2(file, number)
    os.closerange(_STANDARD_FILES, os.sysconf("SC_OPEN_MAX"))
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
