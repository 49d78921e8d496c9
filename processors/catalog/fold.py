"""Folds events into the database."""

import hashlib
import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from connectors.database import Batch, Catalogue, Spoken, VideoDetail
from connectors.database.contract import SEGMENT, Fact, Move, Place
from connectors.errors import DependencyDown
from connectors.objectstore import ObjectMissing, ObjectStore
from processors.catalog.facts import COMPLETED, IN_STORE, OUTCOME, facts_of, kept
from processors.catalog.rows import detail_of
from processors.catalog.stored import StoredVideo, events_of, stored_videos
from processors.catalog.transcripts import corrected_sentences, sentences_of
from schemas.events import ArtefactRef, Event, VideoDeleted
from schemas.outcomes import results_prefix

log = logging.getLogger(__name__)

_TRANSCRIPT = "/transcript.json"
_CORRECTED = re.compile(r"/captions\.([^/]+)\.corrected\.srt$")
_VIDEOS_A_BATCH = 20


class CatalogFold:
    """Keeps the catalogue: see `processors.runtime.fold.Fold`."""

    def __init__(self, catalogue: Catalogue, store: ObjectStore) -> None:
        self._catalogue = catalogue
        self._store = store

    def positions(self, cluster_id: str) -> Mapping[Place, int] | None:
        return self._catalogue.offsets(cluster_id)

    def begin(self, cluster_id: str) -> Iterator[None]:
        """Fold the store. What the database has already stays if the store still says it, so a new
        embedded broker costs a look at each video, not the indexing of all transcripts."""
        with self._catalogue.batch() as batch:
            batch.forget_offsets(OUTCOME, IN_STORE)
        videos = yield from stored_videos(self._store)
        for first in range(0, len(videos), _VIDEOS_A_BATCH):
            self._fold_stored(videos[first : first + _VIDEOS_A_BATCH])
            yield
        with self._catalogue.batch() as batch:
            batch.begin(cluster_id, (video.video_id for video in videos))
        log.info("the store was folded: %s videos", len(videos))

    def apply(self, cluster_id: str, moves: Iterable[Move], events: Sequence[Event]) -> None:
        with self._catalogue.batch() as batch:
            batch.advance(cluster_id, moves)
            self._fold(batch, events)

    def forget(self) -> None:
        with self._catalogue.batch() as batch:
            batch.forget_offsets(OUTCOME, IN_STORE)

    def probe(self) -> None:
        self._catalogue.probe()
        self._store.find("results/probe")

    def close(self) -> None:
        self._catalogue.close()

    def _fold_stored(self, videos: Sequence[StoredVideo]) -> None:
        """Fold what the store says of them. Whoever can write there can write anything: a video that
        cannot be folded is passed over, and no other with it."""
        try:
            events = [event for video in videos for event in events_of(self._store, video)]
            with self._catalogue.batch() as batch:
                self._fold(batch, events)
        except DependencyDown:
            raise
        except Exception:
            if len(videos) == 1:
                log.exception("video %r is passed over", videos[0].video_id)
                return
            for video in videos:
                self._fold_stored([video])

    def _fold(self, batch: Batch, events: Iterable[Event]) -> None:
        facts: defaultdict[str, list[Fact]] = defaultdict(list)
        deleted: set[str] = set()
        for event in filter(_has_place, events):
            if isinstance(event, VideoDeleted):
                deleted.add(event.video_id)
            elif said := facts_of(event):
                facts[event.video_id] += said
        gone = batch.hold(facts.keys() | deleted)
        for video_id in sorted(deleted - gone):
            batch.delete(video_id)
        for video_id in sorted(facts.keys() - deleted - gone):
            self._fold_video(batch, video_id, facts[video_id])

    def _fold_video(self, batch: Batch, video_id: str, said: Sequence[Fact]) -> None:
        known = {fact.key: fact for fact in batch.facts(video_id)}
        facts = kept((*known.values(), *said))
        detail = detail_of(fact for fact in facts.values() if fact.kind != SEGMENT)
        completed = _completed(facts.values())
        batch.put(
            fact
            for fact in facts.values()
            if known.get(fact.key) != fact and (fact.kind != SEGMENT or fact.revision not in completed)
        )
        for revision in completed - _completed(known.values()):
            batch.drop_segments(video_id, revision)
        batch.show(detail)
        if detail.shown_revision is not None and batch.indexed(video_id) != detail.shown_revision:
            batch.index(video_id, detail.shown_revision, self._sentences(detail))

    def _sentences(self, detail: VideoDetail) -> list[Spoken]:
        """What is said in the revision that is shown, as people corrected it; nothing where all files
        with it are gone."""
        corrected = {
            found[1]: ref for ref in detail.files if (found := _CORRECTED.search(ref.key)) is not None
        }
        is_corrected = _shown_language(detail) in {language.lower() for language in corrected}
        sentences: list[Spoken] = []
        for ref in detail.files:
            if ref.key.endswith(_TRANSCRIPT) and not is_corrected:
                sentences += self._read(ref, sentences_of)
        for language, ref in sorted(corrected.items()):
            sentences += self._read(ref, partial(corrected_sentences, language))
        return sentences

    def _read(self, ref: ArtefactRef, read: Callable[[bytes], list[Spoken]]) -> list[Spoken]:
        """What is said in the very object that `ref` names; nothing if it is gone."""
        try:
            data = self._store.get(ref.key)
            if hashlib.sha256(data).hexdigest() != ref.sha256:
                raise ObjectMissing(ref.key)
            return read(data)
        except (ObjectMissing, ValueError) as error:
            log.warning("%s is not searched: %s", ref.key, error)
            return []


def _completed(facts: Iterable[Fact]) -> set[int]:
    return {fact.revision for fact in facts if fact.kind == OUTCOME and fact.rank == COMPLETED}


def _shown_language(detail: VideoDetail) -> str | None:
    """In lower case, since the case of a tag says nothing. (The row may tell of a revision at work above
    the shown one, in whatever language that was asked for.)"""
    languages = (one.language for one in detail.revisions if one.revision == detail.shown_revision)
    return next((language.lower() for language in languages if language), None)


def _has_place(event: Event) -> bool:
    """No other part takes a video whose id is no plain name, or a revision beyond the last number."""
    try:
        results_prefix(event.video_id, event.revision)
    except ValueError as error:
        log.warning("passed over: %s", error)
        return False
    return True
