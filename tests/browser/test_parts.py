"""Parts of the page by themselves: what it makes of ten thousand videos, of a key, and of text."""

import json
import threading
import time
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
from connectors.gateway.pages import add_pages
from processors.transcriber.languages import tag
from tests.browser.looks import look
from tests.browser.service import free_port

MANY = 10_000
PAGE = Path(__file__).parents[2] / "connectors" / "gateway" / "page"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server of the page's files alone, with the gateway's own headers."""
    app = FastAPI()
    add_pages(app)
    app.add_middleware(SecurityHeaders)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)


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


def test_what_is_vendored_is_what_was_published() -> None:
    vendor = PAGE / "vendor"
    digest = sha256((vendor / "tus-js-client" / "tus.min.js").read_bytes()).hexdigest()
    assert digest in (vendor / "README.md").read_text("utf-8")


def test_the_page_stays_small() -> None:
    assert sum(path.stat().st_size for path in PAGE.rglob("*") if path.is_file()) < 250_000
