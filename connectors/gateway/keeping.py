"""Removing videos by their age (`REELAY_KEEP_DAYS`), as if somebody had deleted each."""

import logging
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import partial

from connectors.gateway.announcing import Wisher
from connectors.objectstore import ObjectStore
from connectors.objectstore.wishes import ask_to_delete

log = logging.getLogger("reelay.gateway")

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """keep_days: how long a video is kept after it was last uploaded or asked for again; 0: for ever."""

    store: ObjectStore
    wisher: Wisher
    keep_days: float

    def remove_old(self) -> int:
        """Ask for the removal of what is older; how many videos that were. Several gateways may do so at
        once. Raises DependencyDown."""
        if not self.keep_days:
            return 0
        before = time.time() - self.keep_days * _DAY_S
        old = [video_id for video_id, asked_at in self._asked_at().items() if asked_at < before]
        for video_id in old:
            self.wisher.wish(video_id, partial(ask_to_delete, self.store, video_id))
        if old:
            log.info("asked to remove %d videos that are older than %g days", len(old), self.keep_days)
        return len(old)

    def _asked_at(self) -> dict[str, float]:
        """When each video was last uploaded or asked for again (Unix time)."""
        asked_at: defaultdict[str, float] = defaultdict(float)
        for entry in self.store.entries("results/"):
            match entry.key.split("/"):
                case [_, video_id, _, "upload.json"]:
                    asked_at[video_id] = max(asked_at[video_id], entry.modified)
        return asked_at
