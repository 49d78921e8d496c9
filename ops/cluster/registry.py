"""Apicurio Registry, which speaks Confluent's HTTP API; it keeps its data in an H2 database file."""

from collections.abc import Sequence
from pathlib import Path

from ops.cluster import java
from ops.cluster.certificates import certificates_in
from ops.cluster.ports import HOST
from ops.cluster.programs import REGISTRY_VERSION, Programs
from ops.cluster.server import Recipe
from ops.cluster.setup import Setup
from ops.cluster.web import is_answering

NAME = "registry"
_HEAP_MB = 256


def url(setup: Setup) -> str:
    """Where its Confluent API is."""
    scheme = "https" if setup.secure else "http"
    return f"{scheme}://{HOST}:{setup.ports.registry}/apis/ccompat/v7"


def recipe(folder: Path, setup: Setup) -> Recipe:
    """How the registry is run. folder: the cluster's."""

    def command(programs: Programs) -> Sequence[str | Path]:
        settings: dict[str, object] = {
            "quarkus.http.host": HOST,
            "quarkus.http.port": setup.ports.registry,
            "quarkus.datasource.jdbc.url": f"jdbc:h2:file:{folder / 'registry' / 'data'}",
            "quarkus.log.console.enable": "false",
            "quarkus.log.file.enable": "true",
            "quarkus.log.file.path": folder / "registry.log",
            "quarkus.log.file.rotation.max-file-size": "10M",
            "quarkus.log.file.rotation.max-backup-index": 2,
            "quarkus.log.file.rotation.rotate-on-boot": "false",
        }
        if setup.secure:
            certificates = certificates_in(folder)
            settings |= {
                "quarkus.http.ssl-port": setup.ports.registry,
                "quarkus.http.insecure-requests": "disabled",
                "quarkus.http.ssl.certificate.files": certificates.chain,
                "quarkus.http.ssl.certificate.key-files": certificates.key,
            }
        flags = (*java.flags(_HEAP_MB), *(f"-D{name}={value}" for name, value in settings.items()))
        return [programs.java, *flags, "-jar", programs.registry]

    return Recipe(
        name=NAME,
        version=REGISTRY_VERSION,
        address=url(setup),
        port=setup.ports.registry,
        command=command,
        answers=lambda: is_answering(f"{url(setup)}/subjects"),
    )
