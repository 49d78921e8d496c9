"""versitygw: an S3 server that keeps objects as files in a folder."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from connectors.settings import Connections
from ops.cluster.certificates import certificates_in
from ops.cluster.errors import ServerFailed
from ops.cluster.ports import HOST
from ops.cluster.programs import STORE_VERSION, Programs
from ops.cluster.server import Recipe
from ops.cluster.setup import USER, Setup
from ops.cluster.web import is_answering

NAME = "store"
BUCKET = "reelay"
_HEALTH = "/health"
_BUCKET_S = 10.0
_BUCKET_TRIES = 3


def url(setup: Setup) -> str:
    """Where it listens."""
    return f"{'https' if setup.secure else 'http'}://{HOST}:{setup.ports.store}"


def recipe(folder: Path, setup: Setup) -> Recipe:
    """How the store is run. folder: the cluster's."""

    def command(programs: Programs) -> Sequence[str | Path]:
        objects = folder / "store"
        objects.mkdir(exist_ok=True)
        address = f"{HOST}:{setup.ports.store}"
        options = ["--port", address, "--health", _HEALTH, "--quiet"]
        if setup.secure:
            certificates = certificates_in(folder)
            options += ["--cert", str(certificates.chain), "--key", str(certificates.key)]
        return [programs.store, *options, "posix", *_metadata(folder, objects), objects]

    return Recipe(
        name=NAME,
        version=STORE_VERSION,
        address=url(setup),
        port=setup.ports.store,
        command=command,
        answers=lambda: is_answering(url(setup) + _HEALTH),
        environ={"ROOT_ACCESS_KEY": USER, "ROOT_SECRET_KEY": setup.password},
    )


def has_bucket(folder: Path) -> bool:
    """Whether the cluster in this folder has its bucket."""
    return (folder / "store" / BUCKET).is_dir()


def make_bucket(connections: Connections) -> None:
    """Make the bucket. Raises ServerFailed."""
    import urllib3  # noqa: PLC0415  # much to import, for what is done once
    from minio import Minio  # noqa: PLC0415
    from minio.error import MinioException  # noqa: PLC0415

    pool = urllib3.PoolManager(
        ca_certs=connections.tls_ca or None, timeout=_BUCKET_S, retries=urllib3.Retry(_BUCKET_TRIES)
    )
    client = Minio(
        urlsplit(connections.store_endpoint).netloc,
        access_key=connections.store_access_key,
        secret_key=connections.store_secret_key.get_secret_value(),
        secure=connections.store_endpoint.startswith("https:"),
        region=connections.store_region,
        http_client=pool,
    )
    try:
        client.make_bucket(BUCKET)
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        raise ServerFailed(f"the bucket {BUCKET} could not be made: {error}") from error


def _metadata(folder: Path, objects: Path) -> Sequence[str | Path]:
    """Objects' metadata are extended attributes, where the file system has them."""
    try:
        os.setxattr(objects, "user.reelay", b"1")
    except OSError:
        # versitygw refuses a folder whose path merely begins like that of the objects
        beside = folder / "metadata"
        beside.mkdir(exist_ok=True)
        return ["--sidecar", beside]
    return []
