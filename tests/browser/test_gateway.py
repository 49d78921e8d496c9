"""The page on a real gateway without processors: what it does when the gateway falls silent, ends a
session, or has captions in several languages."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, Dialog, Page, expect

from connectors.gateway.live import stream
from schemas.uploads import load_upload, upload_key
from tests.browser.dropping import drop
from tests.browser.looks import look
from tests.browser.wire import Wire
from tests.integration.gateway.serving import (
    READING,
    SECRET,
    TRANSCRIPT,
    VTT,
    Place,
    keys,
    open_place,
    serving,
    soon,
)

LAST_STREAM = """(() => {
  delete window.SharedWorker;  // no test can turn its clock
  const Real = EventSource;
  window.EventSource = class extends Real {
    constructor(...given) {
      super(...given);
      window.lastStream = this;
    }
  };
})()"""
RECONNECT = "window.dispatchEvent(new Event('online'))"
HEARTBEAT = (
    "new Promise((heard) => lastStream.addEventListener('heartbeat', () => heard(), { once: true }))"
)
VIDEOS = 4


def in_english_and_french(place: Place) -> None:
    """An English talk, corrected, which somebody has translated to French."""
    files = {
        "captions.en.corrected.srt": b"1\n00:00:01,000 --> 00:00:02,000\nHello, lecture.\n",
        "captions.en.corrected.vtt": VTT.replace(b"hello", b"Hello, lecture."),
        "captions.en.transcribed.vtt": VTT,
        "captions.fr.corrected.srt": b"1\n00:00:01,000 --> 00:00:02,000\nbonjour\n",
        "captions.fr.corrected.vtt": VTT.replace(b"hello", b"bonjour"),
        "transcript.json": TRANSCRIPT,
        "transcript.txt": b"Hello lecture.\n",
    }
    place.complete("bilingual", name="Two languages.mp4", files=files)


def in_hebrew(place: Place) -> None:
    """A Hebrew talk with a keyword and a chapter."""
    words = [{"start_s": 1.0, "end_s": 2.0, "text": "שלום", "probability": 1.0}]
    sentence = {"first_word": 0, "end_word": 1, "language": "he"}
    transcript = {"language": "he", "sentences": [sentence], "words": words}
    transcript["keywords"] = [{"text": "שלום", "score": 1.0}]
    vtt = "WEBVTT\n\n00:00.000 --> 00:02.000\nשלום\n".encode()
    files = {
        "captions.he.transcribed.vtt": vtt,
        "chapters.vtt": vtt,
        "transcript.json": json.dumps(transcript).encode(),
    }
    place.complete("hebrew", name="Shalom.mp4", language="he", files=files)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with open_place(tmp_path_factory.mktemp("gateway")) as place:
        place.complete("talk")
        place.complete("corrected")
        in_english_and_french(place)
        in_hebrew(place)
        place.catalogue()
        yield place


@pytest.fixture(scope="module")
def gateway(place: Place) -> Iterator[httpx.Client]:
    """One that asks for no keys."""
    with serving(place.connections) as client:
        yield client


@pytest.fixture(scope="module")
def guarded(place: Place) -> Iterator[httpx.Client]:
    """One that asks for keys."""
    with serving(place.connections, **keys()) as client:
        yield client


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab. Mistakes in scripts fail the test."""
    page = context.new_page()
    mistakes: list[str] = []
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    yield page
    assert mistakes == []


def test_a_connection_that_is_open_but_silent_is_noticed_and_made_anew(
    page: Page, gateway: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_HEARTBEAT_S", 0.1)
    wire = Wire(gateway.base_url.port or 80)
    page.add_init_script(LAST_STREAM)
    page.clock.install()
    page.goto(wire.url)
    expect(page.locator(".tile")).to_have_count(VIDEOS)
    connection = page.locator(".connection")
    for _ in range(3):
        page.evaluate(HEARTBEAT)
        page.clock.fast_forward(30_000)
    expect(connection).to_be_empty()

    wire.freeze()

    def is_lost() -> bool:
        page.clock.fast_forward(40_000)  # again, if a heartbeat was still on its way
        return "is lost" in connection.inner_text()

    soon(is_lost)
    wire.mend()
    expect(connection).to_contain_text("Connected again")
    wire.close()


def test_captions_of_another_language_stand_beside_those_of_what_is_said(
    page: Page, gateway: httpx.Client
) -> None:
    page.goto(f"{gateway.base_url}/videos/bilingual")
    expect(page.locator(".paragraph p")).to_have_text("Hello, lecture.")
    tracks = "[...document.querySelectorAll('track')].map(({ srclang, track }) => [srclang, track.mode])"
    assert page.evaluate(tracks) == [["en", "showing"], ["fr", "disabled"]]
    links = page.locator(".download-list a")
    assert [link.get_attribute("href").split("/")[-1].split("?")[0] for link in links.all()] == [
        "captions.en.corrected.srt",
        "captions.en.corrected.vtt",
        "captions.fr.corrected.srt",
        "captions.fr.corrected.vtt",
        "transcript.txt",
        "transcript.json",
    ]
    expect(page.get_by_role("link", name="French captions for players")).to_be_visible()
    uncorrected = page.locator(".download-what", has_text="without corrections")
    expect(uncorrected).to_have_text(
        ["text, without corrections", "every word with its time, without corrections"]
    )
    look(page, "two-languages")

    page.get_by_role("button", name="Correct captions").click()
    expect(page.locator(".cue-text")).to_have_text("Hello, lecture.")


def test_chapters_and_keywords_are_in_the_language_that_is_spoken(
    page: Page, gateway: httpx.Client
) -> None:
    page.goto(f"{gateway.base_url}/videos/hebrew")
    for written in (page.locator(".chapters a :lang(he)"), page.locator(".keywords :lang(he)")):
        expect(written).to_have_text("שלום")
        assert written.evaluate("(element) => getComputedStyle(element).direction") == "rtl"
    look(page, "chapters")


def sign_in(page: Page, key: str = SECRET) -> None:
    page.get_by_label("API key").fill(key)
    page.keyboard.press("Enter")


def test_a_session_that_has_ended_is_begun_again_and_nothing_is_lost(
    page: Page, context: BrowserContext, guarded: httpx.Client, place: Place
) -> None:
    page.goto(f"{guarded.base_url}/videos/corrected")
    sign_in(page)
    page.get_by_role("button", name="Correct captions").click()
    page.locator(".cue-text").click()
    page.keyboard.type("Hello again")
    page.keyboard.press("Enter")
    context.clear_cookies()

    page.get_by_role("button", name="Save corrections").click()
    expect(page.get_by_role("dialog", name="Your session has ended")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_label("API key")).to_be_focused()
    look(page, "session-ended")
    sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("That key is not known here")
    sign_in(page)

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".corrections")).to_have_count(0)
    upload = place.store.get(upload_key("corrected", 2))
    assert load_upload(upload).corrected


def test_who_signs_out_has_signed_out_of_all_tabs_and_back_in_of_all(
    page: Page, context: BrowserContext, guarded: httpx.Client
) -> None:
    page.goto(str(guarded.base_url))
    sign_in(page)
    expect(page.locator(".tile")).to_have_count(VIDEOS)
    look(page, "signed-in")
    other = context.new_page()
    other.goto(str(guarded.base_url))
    expect(other.locator(".tile")).to_have_count(VIDEOS)

    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(0)
    expect(other.get_by_role("dialog", name="Your session has ended")).to_be_visible()
    assert context.request.get(f"{guarded.base_url}/api/v1/videos").status == 401
    sign_in(page, READING)
    expect(page.locator(".tile")).to_have_count(VIDEOS)
    expect(other.get_by_role("dialog")).to_have_count(0)
    expect(other.get_by_role("button", name="Add videos")).to_be_hidden()


def test_a_gateway_without_keys_has_nothing_to_sign_out_of(page: Page, gateway: httpx.Client) -> None:
    page.goto(str(gateway.base_url))
    expect(page.locator(".tile")).to_have_count(VIDEOS)
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()


def test_corrections_that_are_not_saved_are_not_left_without_a_question(
    page: Page, gateway: httpx.Client
) -> None:
    questions: list[str] = []
    answers = [False, False, False, True]

    def answer(dialog: Dialog) -> None:
        questions.append(f"{dialog.type}: {dialog.message}")
        (dialog.accept if answers.pop(0) else dialog.dismiss)()

    page.on("dialog", answer)
    page.goto(str(gateway.base_url))
    page.get_by_role("link", name="Two languages.mp4").click()
    page.get_by_role("button", name="Correct captions").click()
    all_videos = page.get_by_role("link", name="All videos")
    all_videos.click()
    expect(page.locator(".tile")).to_have_count(VIDEOS)
    assert questions == [], "there was nothing to lose"
    page.go_back()
    page.get_by_role("button", name="Correct captions").click()
    page.locator(".cue-text").click()
    page.keyboard.type("Typed")

    all_videos.click()
    expect(page.locator(".cue-text")).to_have_text("Typed")
    page.evaluate("history.back()")
    expect(page.locator(".cue-text")).to_have_text("Typed")
    page.evaluate("setTimeout(() => location.reload())")
    soon(lambda: len(questions) == 3 or page.wait_for_timeout(50))
    expect(page).to_have_url(re.compile("/videos/bilingual$"))
    all_videos.click()

    expect(page.locator(".tile")).to_have_count(VIDEOS)
    question = "confirm: Leave without saving 1 changed caption?"
    assert questions == [question, question, "beforeunload: ", question]


def test_the_focus_stays_where_it_is_when_the_page_catches_up(
    page: Page, gateway: httpx.Client, place: Place
) -> None:
    page.goto(str(gateway.base_url))
    link = page.get_by_role("link", name="Two languages.mp4")
    link.focus()
    place.complete("zebra", name="Zebra.mp4")  # comes first
    place.catalogue()
    page.evaluate(RECONNECT)
    expect(page.locator(".tile").first).to_have_text(re.compile("Zebra.mp4"))
    expect(link).to_be_focused()

    page.keyboard.press("Enter")
    link = page.get_by_role("link", name="every word with its time")
    link.focus()
    with page.expect_response("**/videos/bilingual") as caught_up:
        page.evaluate(RECONNECT)
    caught_up.value.finished()
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(link).to_be_focused()


LOCKED = """(() => {
  // Tests may run as a user who may read everything. Chromium has no name for these classes.
  const { webkitGetAsEntry } = DataTransferItem.prototype;
  DataTransferItem.prototype.webkitGetAsEntry = function () {
    const entry = webkitGetAsEntry.call(this);
    if (entry.isFile) {
      const files = Object.getPrototypeOf(entry);
      const { file } = files;
      files.file = function (found, failed) {
        if (this.name === "locked.wav") failed(new DOMException("", "NotReadableError"));
        else file.call(this, found, failed);
      };
    }
    return entry;
  };
})()"""


def test_of_what_is_dropped_all_is_taken_that_can_be_read_and_what_cannot_is_said(
    page: Page, gateway: httpx.Client, tmp_path: Path
) -> None:
    folder = tmp_path / "talks"
    folder.mkdir()
    alone = tmp_path / "alone.wav"
    for path in (folder / "notes.txt", folder / "locked.wav", folder / "talk.wav", alone):
        path.write_text("no sound")
    page.add_init_script(LOCKED)
    page.goto(str(gateway.base_url))
    expect(page.get_by_role("button", name="Add videos")).to_be_visible()
    drop(page, folder, alone)
    expect(page.locator("#upload-note")).to_have_text(
        "1 file left out: neither video nor sound. 1 file or folder could not be read."
    )
    expect(page.locator(".upload-name")).to_have_text(["talk.wav", "alone.wav"])
    expect(page.locator("#uploads-title")).to_have_text("Uploads: 2 refused")
    look(page, "unreadable")
