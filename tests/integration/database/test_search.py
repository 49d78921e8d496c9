"""What people find, in both databases."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.database import BadCursor, Catalogue
from connectors.database.catalogue import RANKED
from ops.cluster.postgres import PostgresServer
from tests.integration.database.catalogues import AT, HOUR, add, opened, said
from tests.postgres import schema_in


@pytest.fixture
def catalogue(database_url: str) -> Iterator[Catalogue]:
    catalogue = opened(database_url)
    yield catalogue
    catalogue.close()


def test_every_hit_has_its_video_its_time_and_the_words_marked(catalogue: Catalogue) -> None:
    add(catalogue, "talk", "Nothing here.", "The quick brown fox, quick!")
    (hit,) = catalogue.search("quick").items
    assert (hit.video_id, hit.revision, hit.name) == ("talk", 1, "talk.mp4")
    assert (hit.language, hit.start_s, hit.end_s) == ("en", 10.0, 20.0)
    assert [(snip.text, snip.hit) for snip in hit.snippet] == [
        ("The ", False),
        ("quick", True),
        (" brown fox, ", False),
        ("quick", True),
        ("!", False),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("brave", ["Hello [brave] new"]),
        ("BRAVE hello", ["[Hello] [brave] new"]),
        ("hello world", []),
        ('"new world"', ["Hello brave [new]"]),
        ('"new world', ["Hello brave [new]"]),
        ("“new world”", ["Hello brave [new]"]),
        ('"world new"', []),
        ('"brave new world of café"', ["Hello [brave new]"]),
        ('"new wor*"', ["Hello brave [new]"]),
        ("wor*", ["[World] of café, it's l'eau."]),
        ("wo*", ["[World] of café, it's l'eau."]),
        ("w*", []),
        ("cafe", ["World of [café], it's l'eau."]),
        ("CAFÉ", ["World of [café], it's l'eau."]),
        ("cafe\u0301", ["World of [café], it's l'eau."]),
        ("eau", ["World of café, it's l'[eau]."]),
        ("l'eau", ["World of café, it's [l'eau]."]),
        ("it's", ["World of café, [it's] l'eau."]),
        ("strasse", ["In der [Straße] 3.14"]),
        ("3.14", ["In der Straße [3.14]"]),
        ("14.3", []),
        ("本語", ["日[本語]を話"]),
        ("日本語を話す", ["[日本語を話]"]),
        ("語本", []),
        ("人", ["す[人が]いる。"]),
        ("る", ["す人がい[る]。"]),
        ("ไทย", ["ภาษา[ไทย]"]),
        ("ษาไท", ["ภา[ษาไท]ย"]),
        ("한국", ["[한국]어를"]),
        ("елка", ["[Ёлка]"]),
        ("محمد", ["[مُحَمَّد]"]),
        ("हिन्दी", ["[हिन्दी] में"]),
    ],
)
def test_a_query_finds(everything: Catalogue, query: str, found: list[str]) -> None:
    assert said(everything.search(query)) == found


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def everything(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    """One video in many languages."""
    if request.param == "sqlite":
        url = f"sqlite://{tmp_path_factory.mktemp('database') / 'catalogue.sqlite3'}"
    else:
        url = schema_in(request.getfixturevalue("postgres_server"))
    catalogue = opened(url)
    texts = [
        "Hello brave new",
        "World of café, it's l'eau.",
        "In der Straße 3.14",
        "日本語を話",
        "す人がいる。",
        "ภาษาไทย",
        "한국어를",
        "Ёлка",
        "مُحَمَّد",
        "हिन्दी में",
    ]
    add(catalogue, "all", *texts)
    yield catalogue
    catalogue.close()


HOSTILE = [
    "",
    " ",
    '"',
    '""',
    "*",
    "\0",
    "a\0b",
    "-",
    "!!!???",
    "NEAR(hello, 2)",
    "hello NEAR brave",
    "hello OR zebra",
    "hello AND NOT brave",
    "words:hello",
    "^hello",
    "{words}: hello",
    "hello' OR '1'='1",
    "'; DROP TABLE videos; --",
    "hello:*",
    "hello <-> brave",
    "!hello & (zebra | brave)",
    "hello\\",
    "%s %(x)s {} ?",
    "@en",
    "+new",
    "\ud800",
    "\U0010ffff",
    '"' * 999,
    "hello " * 10_000,
    "a" * 100_000,
    "日" * 10_000,
    "(" * 5_000,
]


@pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_query_is_only_ever_data(everything: Catalogue, query: str) -> None:
    everything.search(query)
    everything.search(query, language=query)
    assert said(everything.search("brave")) == ["Hello [brave] new"]


def test_operators_of_the_databases_are_words(everything: Catalogue) -> None:
    assert not everything.search("hello OR zebra").items
    assert not everything.search("hello | brave zebra").items
    assert said(everything.search("-hello !brave")) == ["[Hello] [brave] new"]


def test_what_a_transcript_holds_is_data_in_a_snippet(catalogue: Catalogue) -> None:
    add(catalogue, "talk", "<b>bold</b> & 'quoted' \\ %s [x]")
    (hit,) = catalogue.search("bold").items
    assert "".join(snip.text for snip in hit.snippet) == "<b>bold</b> & 'quoted' \\ %s [x]"


def test_a_long_sentence_is_shown_around_its_first_hit(catalogue: Catalogue) -> None:
    add(catalogue, "talk", f"{'before ' * 80}needle {'after ' * 80}")
    (hit,) = catalogue.search("needle").items
    text = "".join(snip.text for snip in hit.snippet)
    assert len(text) < 260
    assert text.startswith("… before")
    assert text.endswith("after …")
    assert [snip.text for snip in hit.snippet if snip.hit] == ["needle"]


def test_a_language_narrows_to_itself_and_its_varieties(catalogue: Catalogue) -> None:
    add(catalogue, "english", "taxi", language="en")
    add(catalogue, "brazilian", "taxi", language="pt-BR")
    add(catalogue, "portuguese", "taxi", language="pt")

    def found(language: str) -> set[str]:
        return {hit.video_id for hit in catalogue.search("taxi", language=language).items}

    assert found("pt") == {"brazilian", "portuguese"}
    assert found("pt-BR") == found("PT-br") == {"brazilian"}
    assert found("de") == found("") == set()


def test_dates_narrow_to_videos_uploaded_then(catalogue: Catalogue) -> None:
    for n in range(5):
        add(catalogue, f"v{n}", "word", at=AT + n * HOUR)

    def found(since: int | None, until: int | None) -> list[str]:
        hits = catalogue.search(
            "word",
            since=None if since is None else AT + since * HOUR,
            until=None if until is None else AT + until * HOUR,
        )
        return [hit.video_id for hit in hits.items]

    assert found(None, None) == ["v4", "v3", "v2", "v1", "v0"]
    assert found(1, 3) == ["v3", "v2", "v1"]
    assert found(4, None) == ["v4"]
    assert found(None, 0) == ["v0"]
    assert found(3, 1) == []
    assert not catalogue.search("word", since=AT + timedelta(seconds=1), until=AT + HOUR / 2).items


def test_the_last_moment_of_a_day_is_of_that_day(catalogue: Catalogue) -> None:
    last = AT - timedelta(microseconds=1)
    add(catalogue, "that-day", "word", at=last - timedelta(milliseconds=5))
    add(catalogue, "next-day", "word", at=AT)
    assert [hit.video_id for hit in catalogue.search("word", until=last).items] == ["that-day"]
    assert [hit.video_id for hit in catalogue.search("word", since=AT).items] == ["next-day"]


def test_sentences_that_are_about_the_words_come_before_those_that_mention_them(
    catalogue: Catalogue,
) -> None:
    add(
        catalogue,
        "talk",
        "We also talked about kafka and about many other things that day in the long meeting.",
        "Kafka streams.",
        "Kafka, kafka, kafka!",
        "Streams of water, and then, after a very long while, kafka.",
    )
    assert said(catalogue.search("kafka"))[0] == "[Kafka], [kafka], [kafka]!"
    assert said(catalogue.search("kafka streams"))[0] == "[Kafka] [streams]."


def test_a_video_that_is_about_the_word_comes_first(catalogue: Catalogue) -> None:
    add(catalogue, "about", *["Kafka is fine."] * 5, at=AT)
    add(catalogue, "mentions", "Kafka is fine.", at=AT + HOUR)
    assert catalogue.search("kafka").items[0].video_id == "about"


def test_pages_follow_one_another_until_all_is_shown(catalogue: Catalogue) -> None:
    for n in range(7):
        add(catalogue, f"v{n}", "word one", "word two", at=AT + n * HOUR)
    found, after = [], None
    while True:
        page = catalogue.search("word", limit=3, after=after)
        assert (page.total, page.at_least) == (14, False)
        found += [(hit.video_id, hit.start_s) for hit in page.items]
        if (after := page.next) is None:
            break
    assert len(found) == len(set(found)) == 14
    assert found == [(hit.video_id, hit.start_s) for hit in catalogue.search("word", limit=100).items]


@pytest.mark.parametrize("cursor", ["", "x", "W10=", "WzEsMl0", "é", "bnVsbA==", "WyJhIiwgMV0="])
def test_what_is_no_cursor_is_refused(catalogue: Catalogue, cursor: str) -> None:
    with pytest.raises(BadCursor):
        catalogue.search("word", after=cursor)
    with pytest.raises(BadCursor):
        catalogue.videos(after=cursor)


def cursor_of(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


@pytest.mark.parametrize(
    "values",
    [
        (10**30, "a"),
        (-(10**30), "a"),
        (2**63, "a"),
        (1, "\ud800"),
        (1, "a\0"),
        (True, "a"),
        (1.0, "a"),
        (-5, 1),
        (0, 2**63),
    ],
)
def test_a_cursor_that_somebody_made_up_is_refused_before_a_database_sees_it(
    catalogue: Catalogue, values: tuple[object, ...]
) -> None:
    add(catalogue, "talk", "word")
    cursor = cursor_of(*values)
    with pytest.raises(BadCursor):
        catalogue.search("word", after=cursor)
    with pytest.raises(BadCursor):
        catalogue.videos(after=cursor)


@pytest.mark.parametrize("values", [(0, -1), (7, 5), (2**63 - 1, 2**63 - 1)])
def test_a_cursor_beyond_the_last_hit_ends_the_pages(
    catalogue: Catalogue, values: tuple[int, int]
) -> None:
    add(catalogue, "talk", "word")
    page = catalogue.search("word", after=cursor_of(*values))
    assert (page.total, page.next) == (1, None)


@pytest.mark.parametrize(("uploaded_ms", "found"), [(2**63 - 1, ["talk"]), (-(2**63), []), (0, [])])
def test_a_list_goes_on_from_any_moment(
    catalogue: Catalogue, uploaded_ms: int, found: list[str]
) -> None:
    add(catalogue, "talk", "word")
    page = catalogue.videos(after=cursor_of(uploaded_ms, "\U0010ffff\n"))
    assert [row.video_id for row in page.items] == found


def test_of_very_many_the_newest_are_ranked(catalogue: Catalogue) -> None:
    add(catalogue, "old", *["word"] * RANKED, at=AT)
    add(catalogue, "new", *["word"] * RANKED, at=AT + HOUR)
    page = catalogue.search("word", limit=RANKED)
    assert (page.total, page.at_least, page.next) == (RANKED, True, None)
    assert {hit.video_id for hit in page.items} == {"new"}


def test_a_phrase_does_not_go_on_in_another_video(catalogue: Catalogue) -> None:
    add(catalogue, "one", "ends with alpha", at=AT)
    add(catalogue, "two", "beta begins", at=AT + timedelta(seconds=1))
    assert not catalogue.search('"alpha beta"').items


WORDS = st.sampled_from(["a", "ab", "abc", "der", "Été", "日本", "本", "語", "ไทย", "it's", "x1"])
TEXTS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)
QUERIES = st.one_of(
    TEXTS, TEXTS.map(lambda text: f'"{text}"'), TEXTS.map(lambda text: f"{text}*"), st.text(max_size=12)
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    videos=st.lists(st.lists(TEXTS, min_size=1, max_size=5), min_size=1, max_size=4),
    queries=st.lists(QUERIES, min_size=1, max_size=6),
)
def test_both_databases_find_the_same(
    postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
    videos: list[list[str]],
    queries: list[str],
) -> None:
    file = tmp_path_factory.mktemp("same") / "catalogue.sqlite3"
    both = [opened(f"sqlite://{file}"), opened(schema_in(postgres_server))]
    for catalogue in both:
        for n, texts in enumerate(videos):
            add(catalogue, f"v{n}", *texts, at=AT + n * HOUR)
    for query in queries:
        here, there = (catalogue.search(query) for catalogue in both)
        assert here == there
    for catalogue in both:
        catalogue.close()
