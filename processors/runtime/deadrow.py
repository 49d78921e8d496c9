"""Notices when every video fails: then the fault is here, and going on would only drain the topic.
Pure."""


class DeadRow:
    """Counts different videos given up since a record was last done."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._videos: set[str] = set()

    def done(self) -> None:
        """A record was done: this processor works."""
        self._videos.clear()

    def dead(self, video: str) -> bool:
        """A record of that video (or, unread, that record) was given up; True if it is one too many."""
        self._videos.add(video)
        return len(self._videos) >= self._limit
