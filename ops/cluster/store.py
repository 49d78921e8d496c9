"""versitygw: an S3 server that keeps objects as files in a folder."""

import os
from collections.abc import Sequence
from pathlib import Path

from ops.cluster.ports import HOST
from ops.cluster.programs import STORE_VERSION, Programs
from ops.cluster.server import Recipe
from ops.cluster.setup import USER, Setup
from ops.cluster.web import is_answering

NAME = "store"
BUCKET = "reelay"
_HEALTH = "/health"


def url(setup: Setup) -> str:
    """Where it listens."""
    return f"{'https' if setup.secure else 'http'}://{HOST}:{setup.ports.store}"


def recipe(folder: Path, setup: Setup, ca: Path | None) -> Recipe:
    """How the store is run. folder: the cluster's; ca: the authority of its certificate."""

    def command(programs: Programs) -> Sequence[str | Path]:
        objects = folder / "store"
        (objects / BUCKET).mkdir(parents=True, exist_ok=True)  # a folder is a bucket
        address = f"{HOST}:{setup.ports.store}"
        options = ["--port", address, "--health", _HEALTH, "--quiet"]
        return [programs.store, *options, "posix", *_metadata(folder, objects), objects]

    return Recipe(
        name=NAME,
        version=STORE_VERSION,
        address=url(setup),
        port=setup.ports.store,
        command=command,
        answers=lambda: is_answering(url(setup) + _HEALTH, ca),
        environ={"ROOT_ACCESS_KEY": USER, "ROOT_SECRET_KEY": setup.password},
    )


def _metadata(folder: Path, objects: Path) -> Sequence[str | Path]:
    """Objects' metadata are extended attributes, where the file system has them."""
    try:
        os.setxattr(objects, "user.reelay", b"1")
    except OSError:
        beside = folder / "store.metadata"
        beside.mkdir(exist_ok=True)
        return ["--sidecar", beside]
    return []
