"""Disks that are soon full."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path, *, megabytes: int = 1) -> Iterator[Path]:
    """A disk of its own at a new folder, for as long as the context lasts. Where none can be mounted, as
    by who is not root, the test is skipped."""
    place.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("a disk of its own cannot be mounted here: there is no mount")
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "reelay-test", place]
    done = subprocess.run(mounting, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a disk of its own cannot be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)
