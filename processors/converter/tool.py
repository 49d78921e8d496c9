"""How ffmpeg and ffprobe are called: what they may read, what they may cost, and that they end.

A file is hostile until proven otherwise. A playlist or a script can name other files and servers, so
both programs may open nothing but the one local file, by demuxers that read media and nothing else.
"""

import contextlib
import os
import resource
import selectors
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from connectors.errors import TransientError
from processors.converter.faults import Unusable

# Containers of sound, of pictures with sound, and bare sound. Left out on purpose: whatever names other
# files (hls, dash, concat, imf, sdp, image2), makes things up (lavfi), shows text or single pictures as
# video (tty, srt, *_pipe), or has no header to be recognised by (raw video, raw PCM).
ACCEPTED_DEMUXERS = (
    "3gp,aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,dtshd,dv,eac3,flac,flv,gxf,ivf,matroska,mov,mp3,mpc,mpc8,"
    "mpeg,mpegts,mxf,nut,ogg,oma,rm,tta,w64,wav,webm,wtv,wv"
)
GUARDS = {
    "protocol_whitelist": "file",
    "format_whitelist": ACCEPTED_DEMUXERS,
    # Sound that starts late in a transport stream is found only by reading so far.
    "analyzeduration": "30M",
    "probesize": "50M",
}
"""Options that stand before the input of every call."""

_READ_BYTES = 1 << 18
_TICK_S = 0.5
_ERROR_BYTES = 1 << 16


def input_name(path: Path) -> str:
    """The file's name as ffmpeg takes it: as it is, whatever characters are in it."""
    return f"file:{path}"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may cost. stall_s: time without a byte; total_s: all time spent waiting for it (the
    caller's own time between reads is not counted); memory_bytes: address space."""

    stall_s: float
    total_s: float
    memory_bytes: int


class Tool:
    """A running ffmpeg or ffprobe."""

    def __init__(
        self, process: subprocess.Popen[bytes], limits: Limits, while_waiting: Callable[[], None]
    ) -> None:
        self._process = process
        self._limits = limits
        self._while_waiting = while_waiting
        self._errors = bytearray()

    @property
    def errors(self) -> str:
        """What it wrote to stderr (the first 64 KiB)."""
        return self._errors.decode("utf-8", "replace")

    def chunks(self) -> Iterator[bytes]:
        """What it writes to stdout, as it comes; the program waits while nobody reads.

        Raises TransientError if it gives nothing for too long or was killed, Unusable if it takes too
        long altogether, and what `while_waiting` raises.
        """
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        waited_s = silent_s = 0.0
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            ready.register(self._process.stderr, selectors.EVENT_READ)
            while ready.get_map():
                began = time.monotonic()
                readable = [key.fileobj for key, _ in ready.select(_TICK_S)]
                waited_s += time.monotonic() - began
                silent_s = 0.0 if readable else silent_s + time.monotonic() - began
                self._while_waiting()
                self._hold_to_limits(waited_s, silent_s)
                if self._process.stderr in readable and not self._read_errors(self._process.stderr):
                    ready.unregister(self._process.stderr)
                if self._process.stdout in readable:
                    if chunk := os.read(self._process.stdout.fileno(), _READ_BYTES):
                        yield chunk
                    else:
                        ready.unregister(self._process.stdout)
        if self.status() < 0:
            raise TransientError(f"{self._name} was killed by signal {-self.status()}")

    def status(self) -> int:
        """Its exit status, once its output has ended; negative for a signal. Raises TransientError if it
        goes on without any."""
        try:
            return self._process.wait(self._limits.stall_s)
        except subprocess.TimeoutExpired as error:
            raise TransientError(f"{self._name} does not end though its output has") from error

    @property
    def _name(self) -> str:
        return os.path.basename(str(self._process.args[0]))  # type: ignore[index]

    def _read_errors(self, stream: IO[bytes]) -> bool:
        data = os.read(stream.fileno(), _READ_BYTES)
        self._errors += data[: _ERROR_BYTES - len(self._errors)]
        return bool(data)

    def _hold_to_limits(self, waited_s: float, silent_s: float) -> None:
        if silent_s > self._limits.stall_s:
            raise TransientError(f"{self._name} gave nothing for {silent_s:.0f} s")
        if waited_s > self._limits.total_s:
            raise Unusable(
                f"Reading the file takes longer than {self._limits.total_s:.0f} s: it is damaged or too"
                " complex; convert it to MP4 and upload that."
            )


@contextmanager
def running(
    command: Sequence[str], limits: Limits, *, while_waiting: Callable[[], None]
) -> Iterator[Tool]:
    """Run a command while the context lasts; when it ends, however it ends, the process is gone.

    while_waiting: called again and again while output is read; what it raises ends the reading.

    Should this process be killed outright, the pipe that the command writes to has no reader left, and
    its next write ends it by SIGPIPE (Python gives children the default action). That needs no
    parent-death signal, which Linux alone has and which follows the thread that started the child.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        _limit_memory(process.pid, limits.memory_bytes)
        yield Tool(process, limits, while_waiting)
    finally:
        process.kill()
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stderr.close()
        process.wait()


def _limit_memory(pid: int, limit_bytes: int) -> None:
    if hasattr(resource, "prlimit"):  # Linux
        with contextlib.suppress(ProcessLookupError):  # it has ended already
            _, most = resource.prlimit(pid, resource.RLIMIT_AS)
            if most != resource.RLIM_INFINITY:  # nobody may go beyond what this process itself may use
                limit_bytes = min(limit_bytes, most)
            resource.prlimit(pid, resource.RLIMIT_AS, (limit_bytes, limit_bytes))
