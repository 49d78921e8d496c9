"""Parts of the page by themselves: what it makes of ten thousand videos, of a key, and of text."""

import json
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import uvicorn
from fastapi import FastAPI
from faster_whisper.tokenizer import _LANGUAGE_CODES
from playwright.sync_api import BrowserContext, Page, Route, expect

from connectors.gateway.headers import SecurityHeaders
from connectors.gateway.main import listen
from connectors.gateway.pages import add_pages
from processors.transcriber.languages import tag
from tests.browser.looks import look
from tests.integration.gateway.serving import DEADLINE_S, soon

MANY = 10_000
PAGE = Path(__file__).parents[2] / "connectors" / "gateway" / "page"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server of the page's files alone, with the gateway's own headers."""
    app = FastAPI()
    add_pages(app)
    app.add_middleware(SecurityHeaders)
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    soon(lambda: server.started)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


@pytest.fixture
def page(context: BrowserContext, address: str) -> Iterator[Page]:
    """A tab whose requests to the API the test answers. Mistakes in scripts fail the test."""
    page = context.new_page()
    mistakes: list[str] = []
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    answer(page, "session", {"keys": False, "name": None, "scope": "write"})
    yield page
    assert mistakes == []


def answer(page: Page, path: str, content: Any, status: int = 200) -> None:
    """What the API says at a path."""
    body = json.dumps(content)
    page.route(
        lambda url: urlsplit(url).path == f"/api/v1/{path}",
        lambda route: route.fulfill(status=status, body=body, content_type="application/json"),
    )


def one_of_many(number: int) -> dict[str, Any]:
    return {
        "video_id": f"video-{number}",
        "revision": 1,
        "name": f"Talk {number}.mp4",
        "state": "completed",
        "uploaded_at": "2026-03-01T09:30:00.000Z",
        "ended_at": "2026-03-01T09:34:00.000Z",
        "size_bytes": 7_340_032,
        "duration_s": 60.0 + number,
        "language": "en",
        "word_count": 100 + number,
        "segments_done": 3,
        "segments": 3,
        "reason": None,
        "has_picture": number % 4 != 0,
    }


def test_ten_thousand_videos_come_page_by_page(page: Page, address: str) -> None:
    def listed(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        first, limit = int(query.get("cursor", ["0"])[0]), int(query["limit"][0])
        end = min(MANY, first + limit)
        content = {
            "videos": [one_of_many(number) for number in range(first, end)],
            "next": str(end) if end < MANY else None,
            "total": MANY,
        }
        route.fulfill(body=json.dumps(content), content_type="application/json")

    page.route("**/api/v1/videos?*", listed)
    page.goto(address)
    expect(page.locator(".list-count")).to_have_text("10,000 videos")
    first_page = page.locator(".tile").count()
    assert first_page <= 200
    look(page, "many")

    more = page.get_by_role("button", name="Show more")
    for _ in range(10):
        before = page.locator(".tile").count()
        more.scroll_into_view_if_needed()
        expect(page.locator(".tile").nth(before)).to_be_attached()

    more.press("Enter")
    expect(page.locator(".tile-link:focus")).to_have_count(1)


def test_a_video_that_comes_into_a_filtered_list_takes_its_place_or_is_counted(
    page: Page, address: str
) -> None:
    def video(number: int, **more: Any) -> dict[str, Any]:
        """The larger the number, the older."""
        uploaded_at = f"2026-03-01T09:{59 - number:02}:00.000Z"
        return one_of_many(number) | {"uploaded_at": uploaded_at, "state": "failed"} | more

    def listed(route: Route) -> None:
        counting = "limit=1" in route.request.url.split("&")
        content = {
            "videos": [video(number) for number in range(0, 48, 2)],
            "next": "46",
            "total": 31 if counting else 30,
        }
        route.fulfill(body=json.dumps(content), content_type="application/json")

    told: list[dict[str, Any]] = []

    def stream(route: Route) -> None:
        body = "".join(f"event: video\ndata: {json.dumps(each)}\n\n" for each in told)
        route.fulfill(body=f"retry: {9**9 if told else 50}\n\n{body}", content_type="text/event-stream")

    page.route("**/api/v1/videos?*", listed)
    page.route("**/api/v1/events", stream)
    page.add_init_script("delete window.SharedWorker")  # tests do not answer its requests
    page.goto(f"{address}/?state=failed")
    expect(page.locator(".tile")).to_have_count(24)
    expect(page.locator(".list-count")).to_have_text("30 videos")

    told += [video(7), video(0, state="waiting")]
    expect(page.locator(".tile").nth(3)).to_contain_text("Talk 7.mp4")
    expect(page.locator(".tile").first).to_contain_text("Talk 2.mp4")
    expect(page.locator(".list-count")).to_have_text("30 videos")
    told[:] = [video(55)]
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator(".list-count")).to_have_text("31 videos")
    expect(page.locator(".tile")).to_have_count(24)


def test_a_search_that_finds_more_than_it_ranks_says_so(page: Page, address: str) -> None:
    hit = {
        **{"video_id": "talk", "revision": 1, "name": "Talk.mp4", "language": "en"},
        **{"start_s": 1.0, "end_s": 2.0, "snippet": [{"text": "and", "hit": True}]},
    }
    answer(page, "search", {"hits": [hit], "next": None, "total": 300, "at_least": True})
    page.goto(f"{address}/search?q=and")
    expect(page.locator(".list-count")).to_have_text("300+ places")
    answer(page, "search", {"hits": [hit], "next": None, "total": 300, "at_least": False})
    page.reload()
    expect(page.locator(".list-count")).to_have_text("300 places")


def test_a_search_can_be_narrowed_to_every_language_that_models_know(page: Page, address: str) -> None:
    page.goto(f"{address}/search?language=cy")
    choice = page.get_by_label("Language")
    expect(choice.locator("option:checked")).to_have_text("Welsh")
    offered = choice.evaluate("({ options }) => [...options].map(({ value, label }) => [value, label])")
    assert {value for value, _ in offered[1:]} == {tag(code) for code in _LANGUAGE_CODES}
    assert all(len(label) > 2 for _, label in offered), "each by its name"
    look(page, "search-languages")


def test_a_gateway_with_keys_asks_for_one_and_says_when_it_is_wrong(page: Page, address: str) -> None:
    answer(page, "session", {"keys": True, "name": None, "scope": None})
    page.goto(address)
    look(page, "sign-in")
    answer(page, "session", {"title": "Wrong key", "status": 401, "detail": "Unknown."}, status=401)
    page.get_by_label("API key").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("That key is not known here")

    answer(page, "session", {"keys": True, "name": "page", "scope": "read"})
    answer(page, "videos", {"videos": [one_of_many(1)], "next": None, "total": 1})
    page.get_by_label("API key").fill("right")
    page.keyboard.press("Enter")

    expect(page.locator(".tile")).to_have_count(1)
    expect(page.get_by_role("button", name="Add videos")).to_be_hidden()


@pytest.fixture
def run(page: Page, address: str) -> Callable[[str, str], Any]:
    """Runs an expression with what a module of the page exports."""
    answer(page, "videos", {"videos": [], "next": None, "total": 0})
    page.goto(address)

    def run(module: str, expression: str) -> Any:
        return page.evaluate(f"import('/assets/{module}.js').then((m) => {expression})")

    return run


def test_webvtt_is_read_and_written_without_loss(run: Callable[[str, str], Any]) -> None:
    webvtt = (
        "WEBVTT\n\n00:00:01.000 --> 00:00:03.417 line:80%\nTom &amp; Jerry &lt;3\nrun --&gt; away\n\n"
        "01:02:03.004 --> 01:02:05.000\nשלום\n"
    )
    cues = run("webvtt", f"m.parseCues({json.dumps(webvtt)})")

    assert [cue["text"] for cue in cues] == ["Tom & Jerry <3\nrun --> away", "שלום"]
    assert cues[1]["start_s"] == pytest.approx(3723.004)
    assert run("webvtt", f"m.writeCues({json.dumps(cues)})") == webvtt


def test_words_of_a_corrected_caption_keep_their_times(run: Callable[[str, str], Any]) -> None:
    before = [
        {"start_s": 1.0, "end_s": 1.5, "text": "Make", "language": "en"},
        {"start_s": 1.5, "end_s": 1.7, "text": " a", "language": "en"},
        {"start_s": 1.7, "end_s": 2.5, "text": " cub", "language": "en"},
        {"start_s": 2.5, "end_s": 2.6, "text": " of", "language": "en"},
        {"start_s": 2.6, "end_s": 3.0, "text": " tea.", "language": "en"},
    ]
    cues = [{"start_s": 1.0, "end_s": 3.1, "settings": "", "text": "Make a large\ncup of tea."}]

    words = run("reading", f"m.correctedWords({json.dumps(cues)}, {json.dumps(before)}, 'en')")

    assert "".join(word["text"] for word in words) == "Make a large cup of tea."
    assert [word["start_s"] for word in words] == pytest.approx([1.0, 1.5, 1.7, 2.1, 2.5, 2.6])
    assert all(word["start_s"] <= word["end_s"] for word in words)


def test_paragraphs_hold_every_word_once_and_gaps_stand_between_them(
    run: Callable[[str, str], Any],
) -> None:
    words = [
        {
            "start_s": number + (60 if number >= 200 else 0),
            "end_s": number + 0.9 + (60 if number >= 200 else 0),
            "text": f" {number}{'.' if number % 10 == 9 else ''}",
            "language": "de" if number >= 300 else "en",
        }
        for number in range(400)
    ]
    gaps = [{"start_s": 200.5, "end_s": 259, "reason": "It could not be read."}]

    paragraphs = run("reading", f"m.paragraphsOf({json.dumps(words)}, {json.dumps(gaps)})")

    spoken = [p for p in paragraphs if "gap" not in p]
    assert [n for p in spoken for n in range(p["first"], p["end"])] == list(range(400))
    assert {0, 200, 300} <= {p["first"] for p in spoken}
    (place,) = (index for index, p in enumerate(paragraphs) if "gap" in p)
    assert paragraphs[place + 1]["first"] == 200


def test_text_is_found_across_paragraphs_whatever_its_case_and_accents(
    run: Callable[[str, str], Any],
) -> None:
    words = [
        {"start_s": n, "end_s": n + 1, "text": text, "language": "fr"}
        for n, text in enumerate(["Un", " café", " noir.", " Ça", " va?"])
    ]

    found = run(
        "reading",
        f"['CAFE', 'noir. ca', 'x', ' '].map((q) => new m.WordIndex({json.dumps(words)}).find(q))",
    )

    assert found == [[{"first": 1, "end": 2}], [{"first": 2, "end": 4}], [], []]


@pytest.mark.parametrize(
    ("tag", "way"),
    [("en", "ltr"), ("ar-EG", "rtl"), ("az-Arab", "rtl"), ("he", "rtl"), ("ar-Latn", "ltr")],
)
def test_a_language_is_written_its_way(run: Callable[[str, str], Any], tag: str, way: str) -> None:
    assert run("text", f"m.direction({tag!r})") == way


QUEUE = """(async () => {
  const queue = new m.UploadQueue();
  const isOver = ({ state }) => state === "done" || state === "refused";
  const end = (count) => new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("not in time")), 60000);
    queue.addEventListener("change", () => {
      if (queue.uploads.filter(isOver).length === count) resolve();
    });
  });
  %s
  return queue.uploads.map(({ state, reason }) => [state, Boolean(reason)]);
})()"""


def takes_films(page: Page, *statuses: int) -> list[str]:
    """Let the API take films of four bytes, and answer with these statuses when bytes come. Gives the
    methods by which uploads were made, as they come."""
    made: list[str] = []
    left = list(statuses)

    def make(route: Route) -> None:
        made.append(route.request.method)
        route.fulfill(status=201, headers={"Location": "/api/v1/tus/film"})

    def take(route: Route) -> None:
        if route.request.method == "HEAD":
            route.fulfill(status=200, headers={"Upload-Offset": "0", "Upload-Length": "4"})
        else:
            route.fulfill(status=left.pop(0), headers={"Upload-Offset": "4", "X-Reelay-Video": "film"})

    page.route("**/api/v1/tus", make)
    page.route("**/api/v1/tus/film", take)
    return made


def test_an_upload_that_cannot_begin_is_refused_and_holds_up_no_other(
    page: Page, run: Callable[[str, str], Any]
) -> None:
    page.route("**/tus.min.js", lambda route: route.abort())
    files = "[1, 2, 3].map((n) => new File(['film'], `${n}.mp4`))"
    ended = run("uploading", QUEUE % f"const all = end(3); queue.add({files}); await all;")
    assert ended == [["refused", True]] * 3


def test_an_upload_that_is_paused_and_resumed_before_it_begins_is_made_once(
    page: Page, run: Callable[[str, str], Any]
) -> None:
    made = takes_films(page, 408, 204)
    again = "const [film] = queue.uploads; queue.pause(film); queue.resume(film);"
    ended = run(
        "uploading",
        QUEUE % f"const all = end(1); queue.add([new File(['film'], 'a.mp4')]); {again} await all;",
    )
    assert ended == [["done", False]]
    assert made == ["POST"]


def test_an_upload_waits_for_another_session_when_its_own_has_ended_and_goes_on_where_it_was(
    page: Page, run: Callable[[str, str], Any]
) -> None:
    made = takes_films(page, 401, 204)
    run("uploading", "{ window.queue = new m.UploadQueue(); queue.add([new File(['film'], 'a.mp4')]); }")
    page.get_by_label("API key").fill("right")
    assert page.evaluate("queue.uploads[0].state") == "interrupted"
    page.keyboard.press("Enter")

    page.wait_for_function("() => queue.uploads[0].state === 'done'")
    assert made == ["POST"]


TOLD = """(() => {
  delete window.SharedWorker;
  window.EventSource = class extends EventTarget {
    static CLOSED = 2;
    readyState = 1;
    constructor() {
      super();
      window.tell = (type, content) =>
        this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(content) }));
    }
    close() {}
  };
})()"""
"""Has a test say what the gateway tells, and when."""


def tell(page: Page, kind: str, content: Any) -> None:
    page.evaluate("([kind, content]) => tell(kind, content)", [kind, content])


@pytest.fixture
def told(page: Page) -> Page:
    """A tab that the test tells what happens."""
    page.add_init_script(TOLD)
    return page


def one_video(**more: Any) -> dict[str, Any]:
    """One that is worked on, as the API answers it."""
    facts: dict[str, Any] = {
        **{"shown_revision": None, "revisions": [], "files": [], "gaps": [], "warnings": []},
        **{"stages": [], "source_url": "/api/v1/videos/talk/source"},
    }
    at_work = {"video_id": "talk", "name": "Talk.mp4", "state": "working", "segments_done": 0}
    return one_of_many(1) | facts | at_work | more


def completed(revision: int = 1, text: str = "Hello.") -> dict[str, Any]:
    url = f"/api/v1/talk/{revision}"
    names = ("transcript.json", "captions.en.transcribed.vtt")
    return one_video(
        state="completed",
        revision=revision,
        shown_revision=revision,
        files=[{"name": name, "url": f"{url}/{name}"} for name in names],
    )


def has_results(page: Page, revision: int, *texts: str) -> None:
    """Let the API have a transcript of one sentence a second."""
    words = [
        {"start_s": second, "end_s": second + 1, "text": f" {text}"} for second, text in enumerate(texts)
    ]
    sentences = [{"first_word": 0, "end_word": len(words), "language": "en"}]
    transcript = {"language": "en", "words": words, "sentences": sentences}
    answer(page, f"talk/{revision}/transcript.json", transcript)
    cues = [f"00:{n:02}.000 --> 00:{n + 1:02}.000\n{text}" for n, text in enumerate(texts)]
    page.route(
        f"**/talk/{revision}/*.vtt",
        lambda route: route.fulfill(body="\n\n".join(["WEBVTT", *cues]), content_type="text/vtt"),
    )


def caption(index: int, text: str, revision: int = 1) -> dict[str, Any]:
    words = [[index + n / 100, index + n / 100 + 0.01, f" {w}"] for n, w in enumerate(text.split())]
    about = {"video_id": "talk", "revision": revision, "index": index, "language": "en"}
    return about | {"start_s": index, "end_s": index + 1, "words": words}


def held(page: Page, path: str) -> list[Route]:
    """Let requests to a path wait; they come into the list."""
    waiting: list[Route] = []

    def wait(route: Route) -> None:
        waiting.append(route)

    page.route(lambda url: urlsplit(url).path == f"/api/v1/{path}", wait)
    return waiting


def come(page: Page, waiting: list[Route], count: int = 1) -> None:
    for _ in range(600):
        if len(waiting) >= count:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{len(waiting)} requests came, not {count}")


def give(waiting: list[Route], content: Any) -> None:
    """Answer the oldest of them."""
    waiting.pop(0).fulfill(body=json.dumps(content), content_type="application/json")


def test_what_is_told_while_the_list_is_on_its_way_is_newer_than_the_list(
    told: Page, address: str
) -> None:
    waiting = held(told, "videos")
    told.goto(address)
    come(told, waiting)
    tell(told, "video", one_of_many(2))
    tell(told, "video", one_of_many(1))
    give(waiting, {"videos": [one_of_many(1) | {"state": "working"}], "next": None, "total": 1})

    expect(told.locator(".list-count")).to_have_text("2 videos")
    expect(told.locator(".tile .state")).to_have_text(["Ready", "Ready"])


def test_a_video_that_ends_while_it_is_being_loaded_is_not_shown_at_work_for_ever(
    told: Page, address: str
) -> None:
    has_results(told, 1, "Hello.")
    waiting = held(told, "videos/talk")
    told.goto(f"{address}/videos/talk")
    come(told, waiting)
    tell(told, "video", one_of_many(1) | {"video_id": "talk"})
    give(waiting, one_video())
    come(told, waiting)
    give(waiting, completed())

    expect(told.locator(".paragraph p")).to_have_text("Hello.")
    expect(told.locator(".video-facts .state")).to_have_text("Ready")


CUES = """() => [...document.querySelector("video").textTracks].filter(({ mode }) => mode === "showing")
    .flatMap(({ cues }) => [...cues].map(({ text }) => text))"""


def test_captions_that_come_before_their_video_are_shown_on_it_and_give_way_to_another_revisions(
    told: Page, address: str
) -> None:
    waiting = held(told, "videos/talk")
    told.goto(f"{address}/videos/talk")
    come(told, waiting)
    tell(told, "caption", caption(0, "Good morning."))
    give(waiting, one_video())
    expect(told.locator(".paragraphs")).to_contain_text("Good morning.")
    tell(told, "caption", caption(1, "Who is there?"))
    assert told.evaluate(CUES) == ["Good morning.", "Who is there?"]

    tell(told, "caption", caption(0, "Good evening.", revision=2))
    tell(told, "video", one_video(revision=2))
    come(told, waiting)
    give(waiting, one_video(revision=2))
    expect(told.locator(".paragraphs")).to_contain_text("Good evening.")
    assert told.evaluate(CUES) == ["Good evening."]


def test_what_is_sought_in_a_transcript_is_still_found_when_more_of_it_comes(
    told: Page, address: str
) -> None:
    answer(told, "videos/talk", one_video())
    told.goto(f"{address}/videos/talk")
    expect(told.locator(".video-facts .state")).to_be_visible()
    tell(told, "caption", caption(5, "Tea or coffee."))
    box = told.get_by_label("Find in this transcript")
    box.fill("tea")
    expect(told.locator(".find-status")).to_have_text("1 of 1")

    tell(told, "caption", caption(1, "Make tea."))
    expect(told.locator(".is-found")).to_have_text(["tea.", "Tea"])
    expect(told.locator(".is-found-here")).to_have_text("Tea")
    box.press("ArrowUp")
    expect(told.locator(".find-status")).to_have_text("1 of 2")


def test_who_reads_elsewhere_is_left_there_when_more_of_a_transcript_comes(
    told: Page, address: str
) -> None:
    answer(told, "videos/talk", one_video())
    told.goto(f"{address}/videos/talk")
    expect(told.locator(".video-facts .state")).to_be_visible()
    tell(told, "caption", caption(0, "First words. " * 600))
    told.locator(".word").first.click()
    expect(told.locator(".word:focus")).to_have_count(1)
    told.mouse.wheel(0, 500)
    told.wait_for_function("() => document.querySelector('.transcript').scrollTop >= 500")

    tell(told, "caption", caption(30, "More words."))
    expect(told.locator(".paragraphs")).to_contain_text("More words.")
    told.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert told.locator(".transcript").evaluate("({ scrollTop }) => scrollTop") >= 500


def test_the_focus_goes_to_the_next_button_when_its_own_is_of_no_use_any_more(
    told: Page, address: str
) -> None:
    answer(told, "videos/talk", one_video())
    told.goto(f"{address}/videos/talk")
    told.get_by_role("button", name="Delete").focus()
    answer(told, "videos/talk", one_video(state="cancelled"))
    tell(told, "video", one_video(state="cancelled"))
    again = told.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    expect(told.get_by_role("button", name="Delete")).to_be_focused()

    answer(told, "videos/talk/retry", {})
    answer(told, "videos/talk", one_video(state="waiting", revision=2))
    again.press("Enter")
    expect(again).to_be_hidden()
    expect(told.get_by_role("button", name="Copy link")).to_be_focused()


def test_what_could_not_be_asked_is_asked_again(told: Page, address: str) -> None:
    answer(told, "videos/talk", one_video())
    problem = {"title": "Internal error", "status": 500, "detail": "Something went wrong here."}
    answer(told, "videos/talk/cancel", problem, status=500)
    told.goto(f"{address}/videos/talk")
    told.get_by_role("button", name="Cancel").click()
    alert = told.get_by_role("alert")
    expect(alert).to_contain_text("Something went wrong here.")

    answer(told, "videos/talk/cancel", {}, status=202)
    with told.expect_request("**/talk/cancel"):
        alert.get_by_role("button", name="Try again").click()
    expect(alert).to_have_count(0)


def test_what_somebody_else_corrected_is_shown_once_one_leaves_ones_own_corrections(
    told: Page, address: str
) -> None:
    has_results(told, 1, "Mine.")
    has_results(told, 2, "Theirs.")
    answer(told, "videos/talk", completed(1))
    told.goto(f"{address}/videos/talk")
    told.get_by_role("button", name="Correct captions").click()
    expect(told.locator(".cue-text")).to_have_text("Mine.")
    answer(told, "videos/talk", completed(2))
    with told.expect_response("**/videos/talk"):
        tell(told, "video", completed(2))
    expect(told.locator(".cue-text")).to_have_text("Mine.")

    told.get_by_role("button", name="Close").click()
    expect(told.locator(".paragraph p")).to_have_text("Theirs.")


def test_a_caption_that_has_the_focus_is_not_behind_the_bar_on_a_phone(told: Page, address: str) -> None:
    has_results(told, 1, *(f"Sentence {number}." for number in range(20)))
    answer(told, "videos/talk", completed())
    held(told, "videos/talk/source")
    told.set_viewport_size({"width": 320, "height": 640})
    told.goto(f"{address}/videos/talk")
    told.get_by_role("button", name="Correct captions").click()
    covered = """() => {
        const box = document.activeElement.getBoundingClientRect();
        const top = document.elementFromPoint(box.left + 5, (box.top + box.bottom) / 2);
        return !document.activeElement.contains(top);
    }"""
    for number in range(1, 15):
        told.keyboard.press("ArrowDown")
        expect(told.locator(".cue-text:focus")).to_have_text(f"Sentence {number}.")
        assert not told.evaluate(covered), number


def test_a_lost_connection_is_seen_by_who_has_scrolled_down(told: Page, address: str) -> None:
    videos = [one_of_many(number) for number in range(48)]
    answer(told, "videos", {"videos": videos, "next": None, "total": 48})
    told.goto(address)
    told.locator(".tile").last.scroll_into_view_if_needed()
    told.evaluate("tell('error')")
    expect(told.locator(".connection")).to_contain_text("The connection to Reelay is lost")
    expect(told.locator(".connection p")).to_be_in_viewport()


def test_who_goes_back_to_the_list_is_where_they_left_it(told: Page, address: str) -> None:
    videos = [one_of_many(number) for number in range(48)]
    answer(told, "videos", {"videos": videos, "next": None, "total": 48})
    answer(told, "videos/video-40", one_video(video_id="video-40"))
    told.goto(address)
    told.get_by_role("link", name="Talk 40.mp4").click()
    expect(told.locator(".video-head")).to_be_visible()
    told.go_back()
    expect(told.get_by_role("link", name="Talk 40.mp4")).to_be_in_viewport()


def test_more_hits_are_asked_for_once_however_often_one_clicks(page: Page, address: str) -> None:
    hit = {
        **{"video_id": "talk", "revision": 1, "name": "Talk.mp4", "language": "en"},
        **{"start_s": 1.0, "end_s": 2.0, "snippet": [{"text": "and", "hit": True}]},
    }
    answer(page, "search", {"hits": [hit], "next": "1", "total": 2, "at_least": False})
    page.goto(f"{address}/search?q=and")
    expect(page.locator(".hit")).to_have_count(1)
    waiting = held(page, "search")
    page.get_by_role("button", name="Show more").dblclick()
    come(page, waiting)
    for _ in waiting[:]:
        give(waiting, {"hits": [hit], "next": None, "total": 2, "at_least": False})
    expect(page.locator(".hit")).to_have_count(2)


def test_what_is_vendored_is_what_was_published() -> None:
    vendor = PAGE / "vendor"
    digest = sha256((vendor / "tus-js-client" / "tus.min.js").read_bytes()).hexdigest()
    assert digest in (vendor / "README.md").read_text("utf-8")


def test_the_page_stays_small() -> None:
    assert sum(path.stat().st_size for path in PAGE.rglob("*") if path.is_file()) < 250_000
