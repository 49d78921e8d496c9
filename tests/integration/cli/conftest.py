"""The store of a user who types commands in this process, and a film to give to them."""

from pathlib import Path

import pytest

from connectors.objectstore import FolderStore
from ops.pipeline.state import state_folder


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStore:
    """That of the user who types."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("REELAY_KAFKA_BROKERS", raising=False)
    return FolderStore(state_folder({"XDG_STATE_HOME": str(tmp_path)}).store)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    (tmp_path / "talk.mp4").write_bytes(b"film")
    return tmp_path / "talk.mp4"
