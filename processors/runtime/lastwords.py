"""The last words for a record whose last words kill workers: `stage.failed`, made by the poll loop's own
process, so that its video ends all the same.

Neither the record's bytes are read nor the stage's code is run, since one of them killed the workers.
What the event says is known without: whose the record is by what a worker said when it began, or else by
its headers. How many segments are out is not known; the join then counts none.
"""

from connectors.kafka.records import Outgoing, Record
from processors.runtime.contract import Failure
from processors.runtime.stamp import Stamp, completed, subject_of
from processors.runtime.unwanted import VideoKey
from schemas.codec import Codec
from schemas.events import StageFailed


class LastWords:
    """Makes them for one stage. codec: must know the schema of `stage.failed` already
    (`Codec.prepare`), so that nothing here waits for a registry."""

    def __init__(self, stage: str, codec: Codec) -> None:
        self._stage = stage
        self._codec = codec

    def of(
        self,
        record: Record,
        failure: Failure,
        *,
        attempt: int,
        began: tuple[VideoKey, int | None] | None,
    ) -> tuple[Outgoing, VideoKey] | None:
        """The event, and the video it is about; None if nobody knows which that is.

        began: video and index as a worker read them, if one came so far. The event has the id that a
        worker would have given it.
        """
        whose = began or subject_of(record)
        if whose is None or whose[0].revision is None:
            return None
        video, index = whose
        failed = StageFailed(
            video_id=video.video_id,
            revision=whose[0].revision,
            stage=self._stage,
            index=index,
            kind=failure.kind,
            reason=failure.reason,
        )
        try:
            source = completed(failed, record)
            stamp = Stamp(self._stage, source, record.header("traceparent"), attempt)
            return stamp(failed, self._codec), video
        except (ValueError, OverflowError):  # somebody else's headers: a revision or time beyond ours
            return None
