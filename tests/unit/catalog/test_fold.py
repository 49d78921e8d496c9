"""Whatever the order in which events come: the same rows."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.database import Catalogue, State, open_catalogue
from connectors.errors import DependencyDown
from connectors.objectstore import FolderStore
from connectors.settings import Connections
from processors.catalog.fold import CatalogFold
from schemas.events import Event, Options, VideoDeleted
from schemas.outcomes import outcome_key
from schemas.uploads import dump_upload, upload_key
from tests.unit.catalog.videos import (
    cancel_requested,
    cancelled,
    completed,
    converted,
    enriched,
    failed,
    keep,
    keep_deleted,
    probed,
    rendered,
    stage_failed,
    uploaded,
    with_transcript,
)

CLUSTER = "cluster"


class World:
    """A store and a catalogue in a folder."""

    def __init__(self, folder: Path, store: FolderStore | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.store = store or FolderStore(folder / "store")
        self.file = folder / "catalogue.sqlite3"
        self.catalogue: Catalogue = open_catalogue(
            Connections.only(
                kafka_brokers="-", store_url="file:///-", database_url=f"sqlite://{self.file}"
            )
        )
        self.fold = CatalogFold(self.catalogue, self.store)

    def begin(self, cluster: str = CLUSTER) -> None:
        for _ in self.fold.begin(cluster):
            pass

    def apply(self, *events: Event, cluster: str = CLUSTER) -> None:
        self.fold.apply(cluster, [], events)

    def rows(self) -> Any:
        """All that a reader can see."""
        listed = self.catalogue.videos().items
        details = [self.catalogue.video(row.video_id) for row in listed]
        words = ("alpha", "beta", "gamma", '"one two"')
        return listed, details, [self.catalogue.search(word) for word in words]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.begin()
    yield world
    world.catalogue.close()


def story(store: FolderStore) -> list[Event]:
    """All that is said of four videos: one in three revisions, one that failed, one at work, one that
    was cancelled."""
    return [
        uploaded("v"),
        probed("v"),
        converted("v"),
        enriched("v", index=0),
        stage_failed("v", index=1),
        enriched("v", index=1),
        rendered("v"),
        with_transcript(store, completed("v"), "alpha one", "two beta"),
        uploaded("v", 2, at_s=100),
        failed("v", 2),
        uploaded("v", 3, at_s=200),
        with_transcript(store, completed("v", 3), "gamma one", "two beta"),
        uploaded("bad", at_s=50),
        stage_failed("bad", stage="converter", index=None),
        failed("bad"),
        probed("busy"),
        enriched("busy", index=3),
        enriched("busy", index=1),
        uploaded("busy", at_s=60),
        uploaded("gone", at_s=70),
        cancel_requested("gone"),
        cancelled("gone"),
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """The transcripts of the story, and nothing else."""
    return FolderStore(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def expected(store: FolderStore, tmp_path_factory: pytest.TempPathFactory) -> Any:
    world = World(tmp_path_factory.mktemp("expected"), store)
    world.begin()
    world.apply(*story(store))
    return world.rows()


def test_the_story_ends_well(expected: Any) -> None:
    listed, details, (alpha, beta, gamma, phrase) = expected
    assert [(row.video_id, row.state, row.revision) for row in listed] == [
        ("gone", State.CANCELLED, 1),
        ("busy", State.WORKING, 1),
        ("bad", State.FAILED, 1),
        ("v", State.COMPLETED, 3),
    ]
    assert [row.segments_done for row in listed] == [0, 2, 0, 0]
    assert details[3].shown_revision == 3
    assert not alpha.items
    for page in (beta, gamma, phrase):
        assert [(hit.video_id, hit.revision) for hit in page.items] == [("v", 3)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_and_any_repetition_gives_the_same_rows(
    store: FolderStore, expected: Any, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    events = story(store)
    repeated = data.draw(st.lists(st.sampled_from(range(len(events))), max_size=8))
    order = data.draw(st.permutations([*range(len(events)), *repeated]))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(order) - 1), max_size=5)))
    world = World(tmp_path_factory.mktemp("order"), store)
    world.begin()
    for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True):
        world.apply(*(events[n] for n in order[start:end]))
    assert world.rows() == expected
    world.catalogue.close()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_beginning_anew_at_any_moment_gives_the_same_rows(
    expected: Any, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The topics may come to say again what the store, and the database from before, have already."""
    world = World(tmp_path_factory.mktemp("anew"))
    events = story(world.store)
    for event in events:
        keep(world.store, event)
    before, after = (data.draw(st.permutations(events)) for _ in range(2))
    world.begin()
    world.apply(*before[: data.draw(st.integers(0, len(before)))])
    world.begin("another")
    for event in after:
        world.apply(event, cluster="another")
    assert world.rows() == expected
    world.catalogue.close()


@pytest.mark.parametrize("place", range(5))
def test_a_deleted_video_stays_deleted_wherever_its_deletion_comes(world: World, place: int) -> None:
    events: list[Event] = [
        uploaded("v"),
        enriched("v"),
        with_transcript(world.store, completed("v"), "alpha"),
        uploaded("v", 2),
    ]
    events.insert(place, VideoDeleted(video_id="v"))
    for event in events:
        world.apply(event)
    assert not world.catalogue.videos().items
    assert not world.catalogue.search("alpha").items


def test_a_rebuilt_catalogue_has_the_same_rows(world: World, tmp_path: Path) -> None:
    events = story(world.store)
    for event in events:
        keep(world.store, event)
    world.apply(*events)
    anew = World(tmp_path / "anew", world.store)
    anew.begin()
    listed, _, found = anew.rows()
    assert [row.state for row in listed][:1] + [row.state for row in listed][2:] == [
        State.CANCELLED,
        State.FAILED,
        State.COMPLETED,
    ]
    assert found == world.rows()[2], "what is searched follows from the store alone"
    anew.apply(*events)
    assert anew.rows() == world.rows()


def test_what_the_store_says_is_deleted_is_not_shown_again(world: World, tmp_path: Path) -> None:
    event = with_transcript(world.store, completed("v"), "alpha")
    keep(world.store, event)
    keep(world.store, uploaded("v"))
    keep_deleted(world.store, "v")
    anew = World(tmp_path / "anew", world.store)
    anew.begin()
    anew.apply(uploaded("v"), event)
    assert not anew.catalogue.videos().items


def test_an_odd_object_in_the_store_costs_its_own_video_and_no_other(world: World) -> None:
    for video_id in ("a", "b", "c"):
        keep(world.store, uploaded(video_id))
    keep(world.store, cancelled("b"))
    outcome = world.store.get(outcome_key("b", 1))
    world.store.put(outcome_key("b", 1), outcome.replace(b'"revision": 1', b'"revision": "one"'))
    world.store.put(
        f"results/d/{2**70}/upload.json", dump_upload(replace(uploaded("d"), revision=2**70))
    )
    world.store.put(f"results/a/{2**40}/upload.json", b"of a revision that nothing can have")
    world.store.put(upload_key("e", 1), b'{"video_id": 5, "source": "s"}')
    world.begin("another")
    assert {row.video_id for row in world.catalogue.videos().items} == {"a", "c"}
    assert world.catalogue.offsets("another") == {}


def test_a_store_of_many_objects_is_seen_to_be_listed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = 0

    def keys(prefix: str) -> Iterator[str]:
        nonlocal listed
        for number in range(10_000):
            listed += 1
            yield f"{prefix}v/1/{number}.mp4"

    monkeypatch.setattr(world.store, "keys", keys)
    seen = [listed for _ in world.fold.begin("another")]
    assert max(b - a for a, b in pairwise([0, *seen, listed])) <= 1000
    assert listed == 10_000


def test_another_cluster_forgets_what_only_its_topics_said(world: World) -> None:
    done = with_transcript(world.store, completed("done"), "alpha")
    for event in (uploaded("done"), done, uploaded("open")):
        keep(world.store, event)
    world.apply(uploaded("done"), probed("done"), done, uploaded("open"), probed("open"))
    world.apply(uploaded("only-said"))
    assert world.catalogue.offsets("another") is None
    world.begin("another")
    assert world.catalogue.offsets("another") == {}
    rows = {row.video_id: row for row in world.catalogue.videos().items}
    assert {name: row.state for name, row in rows.items()} == {
        "open": State.WAITING,
        "done": State.COMPLETED,
    }
    assert rows["done"].has_picture
    assert len(world.catalogue.search("alpha").items) == 1


def test_a_transcript_that_is_gone_or_no_transcript_leaves_the_video_unsearched(world: World) -> None:
    good = with_transcript(world.store, completed("good"), "alpha")
    gone = with_transcript(world.store, completed("gone"), "alpha")
    world.store.delete(gone.files[0].key)
    other = with_transcript(world.store, completed("other"), "alpha")
    world.store.put(other.files[0].key, b"{}")
    world.apply(good, gone, other)
    assert {row.state for row in world.catalogue.videos().items} == {State.COMPLETED}
    assert [hit.video_id for hit in world.catalogue.search("alpha").items] == ["good"]


def test_a_long_sentence_is_found_near_where_it_is_said(world: World) -> None:
    text = " ".join(["word"] * 100 + ["needle"] + ["word"] * 100)
    world.apply(with_transcript(world.store, completed("v"), text))
    (hit,) = world.catalogue.search("needle").items
    assert hit.start_s <= 100.0 <= hit.end_s <= hit.start_s + 60.0


def test_hostile_names_and_ids_are_data(world: World) -> None:
    from dataclasses import replace  # noqa: PLC0415

    world.apply(replace(uploaded("v"), name="a\0b\ud800<script>'", source="\0"))
    (row,) = world.catalogue.videos().items
    assert row.name == "a b?<script>'"
    world.apply(uploaded("../v"), uploaded("a\0b"), uploaded(""), VideoDeleted(video_id="x/y"))
    world.apply(uploaded("v" * 513), uploaded("\ud800"))
    assert world.catalogue.videos().total == 1


def test_a_store_that_is_down_leaves_everything_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = with_transcript(world.store, completed("v"), "alpha")

    def down(key: str) -> bytes:
        raise DependencyDown("object store", "down")

    with monkeypatch.context() as broken:
        broken.setattr(world.store, "get", down)
        with pytest.raises(DependencyDown):
            world.apply(uploaded("v"), event)
    assert not world.catalogue.videos().items
    world.apply(uploaded("v"), event)
    assert len(world.catalogue.search("alpha").items) == 1


def test_what_people_corrected_is_searched_instead_of_what_was_heard(world: World) -> None:
    event = with_transcript(world.store, completed("v"), "alpha one", "two beta")
    srt = (
        b"1\n00:00:01,000 --> 00:00:02,000\nGamma\none\n\n"
        b"2\n00:00:02,000 --> 00:00:03,000\nand more.\n\n"
        b"3\n00:00:04,000 --> 00:00:05,000\nTwo beta.\n"
    )
    corrected = world.store.put("results/v/1/abc/captions.en.corrected.srt", srt)

    world.apply(replace(event, files=(*event.files, corrected)))

    assert world.catalogue.search("alpha").items == ()
    (hit,) = world.catalogue.search('"gamma one and"').items
    assert (hit.start_s, hit.end_s, hit.language) == (1.0, 3.0, "en")
    assert "".join(snip.text for snip in hit.snippet) == "Gamma one and more."
    (hit,) = world.catalogue.search("beta").items
    assert hit.start_s == 4.0


def test_captions_in_another_language_are_searched_beside_what_was_heard(world: World) -> None:
    event = with_transcript(world.store, completed("v"), "alpha one")
    srt = "1\n00:00:01,000 --> 00:00:02,000\nGräfin\n".encode()
    corrected = world.store.put("results/v/1/abc/captions.de.corrected.srt", srt)

    world.apply(replace(event, files=(*event.files, corrected)))

    assert len(world.catalogue.search("alpha").items) == 1
    assert [hit.language for hit in world.catalogue.search("grafin").items] == ["de"]


def test_the_case_of_a_corrected_language_says_nothing(world: World) -> None:
    event = with_transcript(world.store, completed("v"), "alpha one")
    srt = b"1\n00:00:01,000 --> 00:00:02,000\nGamma\n"
    corrected = world.store.put("results/v/1/abc/captions.EN.corrected.srt", srt)

    world.apply(replace(event, files=(*event.files, corrected)))

    assert world.catalogue.search("alpha").items == ()
    assert len(world.catalogue.search("gamma").items) == 1


def test_what_was_corrected_is_of_the_shown_revisions_language(world: World) -> None:
    """Another revision, which is to be in another language, was asked for before this one was done."""
    event = with_transcript(world.store, completed("v"), "alpha one")
    srt = b"1\n00:00:01,000 --> 00:00:02,000\nGamma\n"
    corrected = world.store.put("results/v/1/abc/captions.en.corrected.srt", srt)
    world.apply(uploaded("v"), replace(uploaded("v", 2), options=Options(language="fr")))

    world.apply(replace(event, files=(*event.files, corrected)))

    assert world.catalogue.videos().items[0].language == "fr"
    assert world.catalogue.search("alpha").items == ()
    assert len(world.catalogue.search("gamma").items) == 1
