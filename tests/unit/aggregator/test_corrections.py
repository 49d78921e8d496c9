"""Captions that people corrected, in the results of a join."""

from dataclasses import replace
from pathlib import Path

from connectors.objectstore import FolderStore
from processors.aggregator import join as joins
from processors.aggregator.outcome import Ending, ended
from schemas.captions import Cue, captions_key, dump_captions
from schemas.events import ArtefactRef, CorrectedCaptions, VideoCompleted
from tests.unit.aggregator.pieces import AT, converted, probed
from tests.unit.aggregator.world import CODEC

CUES = (Cue(start_s=1.0, end_s=2.0, lines=("Reelay",)),)


def completed(store: FolderStore, *corrected: CorrectedCaptions) -> VideoCompleted:
    join = {
        joins.PROBED: replace(probed(), corrected=corrected),
        joins.CONVERTED: replace(converted(0), warnings=()),
    }
    outcome = ended(store, CODEC, Ending("v", 1, join, None, AT))
    assert isinstance(outcome, VideoCompleted)
    return outcome


def test_they_are_among_the_files(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    file = store.put(captions_key("v", "ab"), dump_captions(CUES))

    outcome = completed(store, CorrectedCaptions(language="en-GB", file=file))

    [srt] = [ref for ref in outcome.files if ref.key.endswith("captions.en-GB.corrected.srt")]
    assert store.get(srt.key) == b"1\n00:00:01,000 --> 00:00:02,000\nReelay\n"
    assert outcome.warnings == ()


def test_those_that_are_gone_changed_or_of_no_language_are_named(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    file = store.put(captions_key("v", "ab"), dump_captions(CUES))
    changed = replace(file, sha256="0" * 64)
    garbage = store.put(captions_key("v", "cd"), b"{}")

    outcome = completed(
        store,
        CorrectedCaptions(language="de", file=ArtefactRef(key="gone", sha256="", size_bytes=1)),
        CorrectedCaptions(language="fr", file=changed),
        CorrectedCaptions(language="it", file=garbage),
        CorrectedCaptions(language="../../etc", file=file),
    )

    assert not [ref for ref in outcome.files if "corrected" in ref.key]
    assert len(outcome.warnings) == 4
    assert outcome.warnings[0] == "The corrected captions (de) cannot be read."


def test_an_object_larger_than_any_captions_is_not_read(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    file = store.put("uploads/v/film.mp4", dump_captions(CUES).ljust(32 * 2**20 + 1))

    outcome = completed(store, CorrectedCaptions(language="en", file=file))

    assert outcome.warnings == ("The corrected captions (en) cannot be read.",)
