"""How a process comes to be: born of one that is ready to work, and gone when that one is.

A new interpreter takes half a second to import what every process here needs. A fork has it all, but
copies one thread and leaves behind the locks that others hold, so only a process without other threads
may fork; those of librdkafka or OpenBLAS count.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def may_fork() -> bool:
    """Whether this process has one thread only."""
    return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent's thread that started it ends, however that
    goes. parent: the pid that it had; if it is gone already, this process ends here."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
