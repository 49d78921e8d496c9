"""What becomes of an upload whose file is complete: a revision of a video."""

from connectors.gateway.announcing import Wisher
from connectors.objectstore import ObjectStore
from connectors.objectstore.revisions import RevisionTaken, take_revision
from schemas.events import Options, VideoUploaded
from schemas.uploads import load_upload, upload_key


class Acceptance:
    """Takes the first revision of a new video and announces it. For several threads; blocks."""

    def __init__(self, store: ObjectStore, wisher: Wisher) -> None:
        self._store = store
        self._wisher = wisher

    def accept(
        self,
        video_id: str,
        *,
        name: str,
        source: str,
        size_bytes: int,
        sha256: str | None = None,
        options: Options | None = None,
    ) -> VideoUploaded:
        """The upload's event. The same again for who asks again, as after a crash.

        source: the file's key in the store. Raises VideoWasDeleted, DependencyDown, ValueError for an id
        that is no plain name.
        """

        def write() -> VideoUploaded:
            try:
                return take_revision(
                    self._store,
                    video_id,
                    source=source,
                    name=name,
                    size_bytes=size_bytes,
                    options=options or Options(),
                    revision=1,
                )
            except RevisionTaken:
                return load_upload(self._store.get(upload_key(video_id, 1)))

        return self._wisher.wish(video_id, write)
