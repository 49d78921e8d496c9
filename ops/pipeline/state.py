"""The state folder: where the local pipeline keeps what must outlive a run."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_RUNS_KEPT = 20


@dataclass(frozen=True, slots=True)
class StateFolder:
    """`$XDG_STATE_HOME/reelay`, by default `~/.local/state/reelay`."""

    root: Path

    @property
    def store(self) -> Path:
        """The object store's folder."""
        return self.root / "store"

    @property
    def store_url(self) -> str:
        """The object store as `REELAY_STORE_URL` names it."""
        return self.store.as_uri()

    @property
    def catalogue(self) -> Path:
        """The catalogue's database, which can be removed: it is made again from the store."""
        return self.root / "catalogue.sqlite"

    @property
    def lock(self) -> Path:
        """Held by the one `reelay up` of this folder."""
        return self.root / "up.lock"

    @property
    def status(self) -> Path:
        """What `reelay up` says about itself."""
        return self.root / "status.json"

    @property
    def exports(self) -> Path:
        """Where `reelay up` notes whose results are to be written for the user."""
        return self.root / "exports"

    @property
    def logs(self) -> Path:
        """One folder of logs for each run, and one for `reelay up`."""
        return self.root / "logs"

    @property
    def up_logs(self) -> Path:
        """Where the processes of `reelay up` write, all its runs into the same files."""
        return self.logs / "up"

    def new_log_folder(self) -> Path:
        """An empty folder for the logs of the run that begins; those of long-gone runs are removed.

        Raises OSError if the state folder cannot be written.
        """
        folder = self.logs / f"{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}"
        folder.mkdir(parents=True)
        for old in sorted(self.logs.glob("[0-9]*"))[:-_RUNS_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return folder


def state_folder(environ: Mapping[str, str]) -> StateFolder:
    """The state folder by the XDG base directory specification, which ignores relative paths."""
    home = Path(environ.get("XDG_STATE_HOME", ""))
    return StateFolder((home if home.is_absolute() else Path.home() / ".local" / "state") / "reelay")
