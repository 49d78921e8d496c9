"""What the cluster is made of is got once, and is what was asked for."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.cluster import programs
from ops.cluster.errors import DigestMismatch, ToolMissing
from ops.cluster.programs import Programs, default_cache, prepare

Only = Callable[..., None]


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Only:
    """Leaves no other programs to be found than these."""

    def leave(*names: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in names:
            (folder / name).symlink_to(str(shutil.which(name)))
        monkeypatch.setenv("PATH", str(folder))

    return leave


def _nothing_is_said(line: str) -> None:
    raise AssertionError(line)


def test_what_is_here_is_used_without_maven_and_go(cluster_programs: Programs, only: Only) -> None:
    only("java")
    found = prepare(
        default_cache({"XDG_CACHE_HOME": str(_cache_home(cluster_programs))}), _nothing_is_said
    )
    assert (found.kafka, found.registry, found.store) == (
        cluster_programs.kafka,
        cluster_programs.registry,
        cluster_programs.store,
    )


@pytest.mark.parametrize(("there", "missing"), [([], "java"), (["java"], "mvn")])
def test_a_missing_tool_is_named_with_what_to_install(
    there: list[str], missing: str, cluster_programs: Programs, only: Only, tmp_path: Path
) -> None:
    only(*there)
    with pytest.raises(ToolMissing, match=f"{missing} is missing: apt install"):
        prepare(tmp_path / "cache", lambda line: None)


def test_a_download_that_is_not_the_pinned_file_is_refused(
    cluster_programs: Programs, tmp_path: Path
) -> None:
    pins = shutil.copytree(Path(programs.__file__).parent, tmp_path / "pins")
    digests = pins / "downloads.sha256"
    lines = digests.read_text().splitlines(keepends=True)
    (at,) = (number for number, line in enumerate(lines) if "kafka-clients-" in line)
    lines[at] = "0" * 64 + lines[at][64:]
    digests.write_text("".join(lines))
    with pytest.raises(DigestMismatch, match=r"kafka-clients-\S+: SHA-256 0+ was expected, \w{64} came"):
        prepare(tmp_path / "cache", lambda line: None, pins)
    assert not list((tmp_path / "cache").glob("jars-*"))


def _cache_home(found: Programs) -> Path:
    return found.store.parents[3]
