"""Gets the programs that the cluster is made of, once, and checks that they are the right ones.

Kafka and the registry come by Maven, each file checked by its digest (`downloads.sha256`). The S3 server
is built from source by Go, which checks every module by its digest (`versitygw/go.sum`).
"""

import hashlib
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.cluster.errors import ClusterError, DigestMismatch, ToolMissing
from ops.up.lock import Held, hold

KAFKA_VERSION = "4.2.1"
REGISTRY_VERSION = "2.6.13.Final"
STORE_VERSION = "1.8.0"

_PINS = Path(__file__).parent
_REGISTRY_ARCHIVE = f"apicurio-registry-app-{REGISTRY_VERSION}-all.tar.gz"
_STORE_COMMAND = "github.com/versity/versitygw/cmd/versitygw"
_PREPARE_S = 900.0
"""How long another process may take to download and build."""
_JAVA_NEEDED = 17
_INSTALL = {
    "java": "apt install default-jre-headless",
    "mvn": "apt install maven",
    "go": "apt install golang-go, 1.21 or later",
}


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the programs are. kafka: the folder of its jars; registry: the jar that runs."""

    java: Path
    kafka: Path
    registry: Path
    store: Path


def default_cache(variables: Mapping[str, str]) -> Path:
    """`$XDG_CACHE_HOME/reelay/cluster`; the base directory specification ignores relative paths."""
    home = Path(variables.get("XDG_CACHE_HOME", ""))
    return (home if home.is_absolute() else Path.home() / ".cache") / "reelay" / "cluster"


def prepare(cache: Path, tell: Callable[[str], None], pins: Path = _PINS) -> Programs:
    """The programs, downloaded and built at first use; later nothing is asked of any network.

    cache: where they are kept; two processes may prepare at once. tell: takes a line about what takes
    long. pins: the folder that says which programs.

    Raises ToolMissing, DigestMismatch, ClusterError, OSError.
    """
    java = _java()
    jars = cache / f"jars-{_key(pins / 'downloads.sha256', pins / 'pom.xml')}"
    store = cache / f"versitygw-{_key(pins / 'versitygw' / 'go.mod', pins / 'versitygw' / 'go.sum')}"
    with _alone(cache):
        for place, make in (jars, _download_jars), (store, _build_store):
            if not place.is_dir():
                making = cache / f".{place.name}"
                shutil.rmtree(making, ignore_errors=True)
                making.mkdir()
                make(making, pins, tell)
                making.rename(place)
    (registry,) = (jars / "registry").glob("*-runner.jar")
    return Programs(java, jars / "kafka", registry, store / "versitygw")


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    try:
        with hold(cache / "lock", try_s=_PREPARE_S):
            yield
    except Held as error:
        raise ClusterError("another process takes too long to prepare the cluster's programs") from error


def _download_jars(folder: Path, pins: Path, tell: Callable[[str], None]) -> None:
    maven = _tool("mvn")
    tell("Downloading Apache Kafka and Apicurio Registry (140 MB)")
    kafka = folder / "kafka"
    command: list[str | Path] = [maven, "--batch-mode", "--quiet", "--file", pins / "pom.xml"]
    _call([*command, "dependency:copy-dependencies", f"-DoutputDirectory={kafka}"])
    _check_digests(kafka, pins / "downloads.sha256")
    archive = kafka / _REGISTRY_ARCHIVE
    with tarfile.open(archive) as files:
        files.extractall(folder / "registry", filter="data")
    archive.unlink()


def _build_store(folder: Path, pins: Path, tell: Callable[[str], None]) -> None:
    go = _tool("go")
    tell("Building the S3 server from source (a minute or two, this once)")
    source = folder / "source"
    shutil.copytree(pins / "versitygw", source)
    build = ("build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags=-s -w")
    _call([go, *build, "-o", folder / "versitygw", _STORE_COMMAND], cwd=source)
    shutil.rmtree(source)


def _check_digests(folder: Path, pins: Path) -> None:
    """Raises DigestMismatch if the folder holds another file than these, or lacks one."""
    lines = (line.split() for line in pins.read_text().splitlines())
    expected = {name: digest for digest, name in lines}
    found = {file.name: _digest(file) for file in folder.iterdir()}
    for name in sorted(expected | found):
        if found.get(name) != expected.get(name):
            raise DigestMismatch(
                f"{name}: SHA-256 {expected.get(name, 'none')} was expected, "
                f"{found.get(name, 'no such file')} came"
            )


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _key(*pins: Path) -> str:
    """Changes with what is to be made, so that another version never finds this one's files."""
    return hashlib.sha256(b"".join(pin.read_bytes() for pin in pins)).hexdigest()[:12]


def _java() -> Path:
    java = _tool("java")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < _JAVA_NEEDED:
        raise ToolMissing(f"Java {_JAVA_NEEDED} or later is needed: {_INSTALL['java']}")
    return java


def _tool(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise ToolMissing(f"{name} is missing: {_INSTALL[name]}")
    return Path(found)


def _call(command: list[str | Path], cwd: Path | None = None) -> None:
    done = subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        words = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        first = next((line for line in words if "ERROR" in line), words[-1] if words else "")
        raise ClusterError(f"{Path(command[0]).name} failed: {first[:300]}")
