"""Standard output, whose reader may go away before all is said (`reelay … | head`), or whose disk may be
full."""

import io
import os
from typing import TextIO

_NUMBER = 1


class OutputClosed(Exception):
    """Nobody reads standard output any more. No OSError, so that nobody takes it for a fault of a disk
    or of a connection, and waits."""


class OutputFailed(OSError):
    """Standard output cannot be written; its file name says that it was that."""


class _Output(io.FileIO):
    def write(self, data: object, /) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except BrokenPipeError as error:
            raise OutputClosed from error
        except OSError as error:
            raise OutputFailed(error.errno, error.strerror, "standard output") from error


def open_output(before: TextIO) -> TextIO:
    """Standard output that raises OutputClosed once it has no reader, and OutputFailed.

    before: what it takes the place of. What cannot be written in the terminal's character set becomes a
    question mark."""
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(_NUMBER, "wb", closefd=False)),
        encoding=before.encoding,
        errors="replace",  # a name need not fit
        line_buffering=before.isatty(),
    )


def finish() -> None:
    """Write what is still to be written; if that cannot be, have it go nowhere, so that the
    interpreter's end has nothing to say of it."""
    try:
        print(end="", flush=True)
    except (OutputClosed, OutputFailed):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _NUMBER)
        os.close(nowhere)
