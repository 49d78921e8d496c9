"""Results under the names that the user sees."""

from datetime import UTC, datetime
from pathlib import Path

from connectors.objectstore import FolderStore
from ops.pipeline.export import FORMATS, export
from schemas.events import VideoCompleted

SOURCE = "file:///talk.mp4"


def results(store: FolderStore, *names: str) -> VideoCompleted:
    return VideoCompleted(
        video_id="v",
        made_at=datetime(2026, 1, 1, tzinfo=UTC),
        name="talk.mp4",
        language="de",
        duration_s=1,
        word_count=2,
        parts=(),
        gaps=(),
        warnings=(),
        files=tuple(store.put(f"results/v/1/{name}", name.encode()) for name in names),
    )


def test_results_get_short_names(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    outcome = results(
        store,
        "timeline.json",
        "transcript.json",
        "transcript.txt",
        "captions.en.translated.vtt",
        "captions.zh-Hant.transcribed.srt",
        "chapters.vtt",
        "summary.json",
    )

    written = export(store, outcome, tmp_path / "out" / "talk", SOURCE, FORMATS)

    assert [(file.format, file.path.name) for file in written] == [
        ("srt", "talk.zh-Hant.srt"),
        ("vtt", "talk.en.vtt"),
        ("txt", "talk.de.txt"),
        ("json", "talk.de.json"),
        ("chapters", "chapters.vtt"),
        ("summary", "summary.json"),
        ("timeline", "timeline.json"),
    ]
    assert all(file.path.parent == tmp_path / "out" / "talk" for file in written)
    assert written[2].path.read_text() == "transcript.txt"


def test_only_the_formats_that_were_asked_for_are_written(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    outcome = results(store, "transcript.txt", "captions.de.transcribed.srt", "timeline.json")

    export(store, outcome, tmp_path / "talk", SOURCE, ["srt"])

    assert [path.name for path in (tmp_path / "talk").glob("[!.]*")] == ["talk.de.srt"]


def test_captions_that_a_person_corrected_stand_in_for_the_transcribed_ones(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    outcome = results(
        store,
        "captions.de.corrected.srt",
        "captions.de.transcribed.srt",
        "captions.en.transcribed.srt",
    )

    written = export(store, outcome, tmp_path / "talk", SOURCE, FORMATS)

    assert sorted(file.path.name for file in written) == ["talk.de.srt", "talk.en.srt"]
    assert (tmp_path / "talk" / "talk.de.srt").read_text() == "captions.de.corrected.srt"


def test_a_redo_replaces_the_files_of_its_own_video_alone(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    export(store, results(store, "transcript.txt"), tmp_path / "talk", "file:///other.mp4", FORMATS)
    (tmp_path / "talk" / "talk.de.txt").write_text("the other's")

    for _ in range(2):
        (file,) = export(store, results(store, "transcript.txt"), tmp_path / "talk", SOURCE, FORMATS)

    assert file.path == tmp_path / "talk-2" / "talk-2.de.txt"
    assert (tmp_path / "talk" / "talk.de.txt").read_text() == "the other's"
