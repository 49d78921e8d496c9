"""Results that are still to be written to the user's folder: noted when an upload goes in, crossed out
when its files are there, so that each is written once whatever happens in between."""

import json
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from connectors.objectstore import ObjectMissing, ObjectStore
from connectors.objectstore.revisions import find_outcome, is_deleted, upload_of
from ops.pipeline.export import FORMATS, Exported, export
from ops.pipeline.folders import folder_for, write_whole
from schemas.events import VideoCompleted, VideoUploaded

Revision = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Exports:
    """The notes, one file each. notes: their folder."""

    notes: Path
    store: ObjectStore

    def note(self, upload: VideoUploaded, out: Path) -> None:
        """This revision's results are to be written below `out`. Raises OSError."""
        place = self._place((upload.video_id, upload.revision))
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, json.dumps({"out": str(out)}).encode())

    def pending(self) -> Iterator[Revision]:
        """All that are noted."""
        for note in self.notes.glob("*.json") if self.notes.is_dir() else ():
            video_id, _, revision = note.name.removesuffix(".json").rpartition(".")
            if revision.isdecimal():
                yield unquote(video_id), int(revision)

    def settle(self, revision: Revision) -> list[Exported]:
        """Write what is noted, if it is completed, and cross it out, if it has ended at all.

        Raises OSError, DependencyDown.
        """
        place = self._place(revision)
        written: list[Exported] = []
        try:
            out = Path(json.loads(place.read_bytes())["out"])
            upload = upload_of(self.store, *revision)
            outcome = find_outcome(self.store, upload)
        except FileNotFoundError:
            return []
        except (ObjectMissing, ValueError, KeyError, TypeError):  # deleted, or nothing that we wrote
            place.unlink(missing_ok=True)
            return []
        if isinstance(outcome, VideoCompleted):
            try:
                written = export_to(self.store, upload, outcome, out)
            except (ObjectMissing, ValueError):  # deleted meanwhile, or its name is none for a file
                written = []
        if outcome is not None or is_deleted(self.store, upload.video_id):
            place.unlink(missing_ok=True)
        return written

    def settle_all(self, *, but: Container[Revision]) -> Iterator[OSError]:
        """Settle all that are noted, but those; yields why what cannot be written cannot, which keeps
        nothing else back. Raises OSError for the notes themselves, DependencyDown."""
        for revision in list(self.pending()):
            if revision not in but:
                try:
                    self.settle(revision)
                except OSError as error:
                    yield error

    def _place(self, revision: Revision) -> Path:
        video_id, number = revision
        return self.notes / f"{quote(video_id, safe='')}.{number}.json"


def export_to(
    store: ObjectStore,
    upload: VideoUploaded,
    outcome: VideoCompleted,
    out: Path,
    formats: tuple[str, ...] = FORMATS,
) -> list[Exported]:
    """Write a video's results into its folder below `out`. Raises OSError, DependencyDown,
    ObjectMissing."""
    name = upload.name or Path(unquote(urlsplit(upload.source).path)).name or upload.video_id
    folder = folder_for(out, upload.source, Path(name).stem)
    return export(store, outcome, folder, upload.source, formats)
