"""What people do with the page, in a real browser, on the real pipeline."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests import media
from tests.browser import lecture
from tests.browser.dropping import drop, hover
from tests.browser.looks import look, screenshots
from tests.browser.service import PROCESS_S, Service
from tests.browser.wire import Wire
from tests.integration.up.world import soon

pytestmark = pytest.mark.timeout(600)

Open = Callable[[str], Page]


@dataclass(frozen=True, slots=True)
class Talk:
    """The clip, as somebody uploaded it. first_words: what was to be read when the first words came;
    state_then: how the video was at that moment."""

    video_id: str
    first_words: str
    state_then: str


@pytest.fixture(scope="module")
def talk(browser: Browser, service: Service) -> Iterator[Talk]:
    """Everything begins here: an empty Reelay, a clip that is dropped, and somebody who watches."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    page = context.new_page()
    page.goto(service.url)
    expect(page.get_by_text("Drop a video here")).to_be_visible()
    look(page, "welcome")
    hover(page, media.CLIP)
    look(page, "drag-over")

    drop(page, media.CLIP)
    page.get_by_role("link", name="Open clip.mp4").click()
    expect(page.locator(".paragraph").first).to_be_visible(timeout=PROCESS_S * 1000)
    state_then = page.locator(".video-facts .state").get_attribute("data-state") or ""
    first_words = page.locator(".paragraphs").inner_text()
    look(page, "transcribing")

    expect(state_of(page, "completed")).to_be_visible(timeout=PROCESS_S * 1000)
    yield Talk(page.url.rpartition("/")[2].partition("#")[0], first_words, state_then)
    context.close()


def state_of(page: Page, state: str) -> Locator:
    return page.locator(f".video-facts .state[data-state={state}]")


def word(page: Page, text: str) -> Locator:
    """The first place of the transcript where a word stands."""
    return page.locator(".word", has_text=re.compile(rf"^{text}\W*$")).first


def time_of(page: Page) -> float:
    """Where the playback is, in seconds."""
    time_s: float = page.locator("video").evaluate("video => video.currentTime")
    return time_s


def test_captions_appear_before_processing_ends(talk: Talk) -> None:
    assert talk.state_then == "working"
    assert len(talk.first_words.split()) > 5


def test_a_word_that_is_clicked_is_heard_and_marked_as_the_playback_goes_on(
    opened: Open, talk: Talk
) -> None:
    page = opened(f"/videos/{talk.video_id}")
    spoken = page.locator(".word.is-spoken")

    word(page, "workers").click()

    expect(spoken).to_have_text("workers")
    page.locator("video").evaluate("video => { video.playbackRate = 0.25 }")
    expect(spoken).not_to_have_text("workers")
    assert 20 < time_of(page) < 45
    assert not page.locator("video").evaluate("video => video.paused")
    page.locator("video").evaluate("video => video.pause()")
    look(page, "video")
    page.locator("summary").click()
    look(page, "timeline")


def test_a_time_in_the_address_is_where_it_begins(opened: Open, talk: Talk) -> None:
    page = opened(f"/videos/{talk.video_id}#t=40.5")

    expect(page.locator(".word.is-spoken")).to_be_visible()

    assert time_of(page) == pytest.approx(40.5, abs=0.1)


def test_a_word_that_is_searched_leads_to_its_moment(opened: Open, talk: Talk) -> None:
    page = opened("/")
    page.get_by_label("Search in all videos").fill('"cup of tea"')
    page.get_by_role("button", name="Search", exact=True).click()
    hit = page.locator(".hit").first
    expect(hit.locator("mark").first).to_be_visible()
    look(page, "search")

    hit.click()

    expect(page).to_have_url(re.compile(rf"/videos/{talk.video_id}#t=[\d.]+$"))
    expect(page.locator(".word.is-spoken")).to_be_visible()
    assert time_of(page) == pytest.approx(float(page.url.rpartition("=")[2]), abs=0.1)
    assert time_of(page) > 45


def test_what_is_found_inside_a_transcript_is_counted_marked_and_played(
    opened: Open, talk: Talk
) -> None:
    page = opened(f"/videos/{talk.video_id}")
    box = page.get_by_label("Find in this transcript")
    expect(page.locator(".paragraph").first).to_be_visible()

    box.fill("LECTURE")
    expect(page.locator(".find-status")).to_have_text("1 of 2")
    box.press("ArrowDown")
    expect(page.locator(".find-status")).to_have_text("2 of 2")
    expect(page.locator(".word.is-found-here")).to_be_in_viewport()
    box.press("Enter")

    expect(page.locator(".word.is-spoken.is-found-here")).to_be_visible()


def test_captions_are_taken_away_as_a_file(opened: Open, talk: Talk, service: Service) -> None:
    page = opened(f"/videos/{talk.video_id}")

    with page.expect_download() as download:
        page.get_by_role("link", name="SRT").click()

    (srt,) = (f for f in service.video(talk.video_id)["files"] if f["name"].endswith(".srt"))
    assert Path(download.value.path()).read_bytes() == service.get(srt["url"])
    assert download.value.suggested_filename.endswith(".srt")


def test_everything_is_reached_by_keyboard_and_a_transcript_is_one_tab_stop(
    opened: Open, talk: Talk
) -> None:
    page = opened(f"/videos/{talk.video_id}")
    expect(page.locator(".word").first).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()

    page.get_by_role("button", name="Correct captions").focus()
    page.keyboard.press("Tab")
    expect(page.locator(".word[tabindex='0']")).to_be_focused()
    assert page.locator(".paragraphs [tabindex='0']").count() == 1
    for key in ("ArrowRight", "ArrowDown", "End", "ArrowLeft"):
        page.keyboard.press(key)
    focused = page.locator(".word:focus")
    expect(focused).to_have_count(1)
    at = focused.inner_text()
    page.keyboard.press("Enter")

    expect(page.locator(".word.is-spoken")).to_have_text(at)
    assert time_of(page) > 15
    page.keyboard.press("Tab")
    expect(page.locator(".paragraphs :focus")).to_have_count(0)


def test_a_corrected_caption_is_in_the_transcript_and_heard_at_its_time(
    opened: Open, talk: Talk, service: Service
) -> None:
    page = opened(f"/videos/{talk.video_id}")
    page.get_by_role("button", name="Correct captions").click()
    caption = page.locator(".cue-text", has_text="cup of tea")
    caption.click()
    page.locator(".cue-edit").fill("Drop in a file, make a pot of Darjeeling,")
    page.keyboard.press("Enter")
    expect(page.locator(".corrections-status")).to_have_text("1 caption changed")
    look(page, "corrections")

    with page.expect_request("**/captions/*") as saved:
        page.get_by_role("button", name="Save corrections").click()
    assert saved.value.url.endswith("?from=1")

    expect(word(page, "Darjeeling")).to_be_visible(timeout=PROCESS_S * 1000)
    expect(state_of(page, "completed")).to_be_visible()
    assert service.video(talk.video_id)["shown_revision"] == 2
    word(page, "Darjeeling").click()
    expect(page.locator(".word.is-spoken")).to_have_text(re.compile("Darjeeling"))
    assert time_of(page) > 45

    page = opened("/search?q=darjeeling")
    expect(page.locator("mark")).to_have_text("Darjeeling")


def test_one_that_is_cancelled_stops_and_can_be_tried_again(
    opened: Open, talk: Talk, tmp_path: Path
) -> None:
    page = opened("/")
    long = tmp_path / "long.mp4"
    media.ffmpeg("-stream_loop", 9, "-i", media.CLIP, "-vn", "-c", "copy", long)
    drop(page, long)
    page.get_by_role("link", name="Open long.mp4").click()

    page.get_by_role("button", name="Cancel", exact=True).click()

    expect(state_of(page, "cancelled")).to_be_visible(timeout=PROCESS_S * 1000)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    look(page, "cancelled")


def test_a_file_that_is_no_video_is_refused_with_the_reason(
    opened: Open, talk: Talk, tmp_path: Path
) -> None:
    page = opened("/")
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear Sir,\n" * 1000)

    drop(page, letter)

    row = page.locator(".upload", has_text="letter.mp4")
    expect(row).to_have_attribute("data-state", "refused")
    assert len(row.locator(".upload-text").inner_text()) > 10
    look(page, "refused")
    row.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#uploads")).to_be_hidden()


@pytest.fixture
def wire(service: Service) -> Iterator[Wire]:
    """A narrow way to the gateway that can be cut."""
    wire = Wire(service.port, bytes_per_s=4_000_000)
    yield wire
    wire.close()


def test_an_upload_that_is_cut_goes_on_where_it_was_and_arrives_whole(
    context: BrowserContext, service: Service, wire: Wire, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    content = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + sha256(b"frames").digest() * 500_000
    broken.write_bytes(content)
    page = context.new_page()
    begun: list[str] = []
    page.on("request", lambda request: begun.append(request.method))
    page.goto(wire.url)
    expect(page.get_by_role("heading", name="Videos")).to_be_visible()
    wire.freezes_after = len(content) // 2
    drop(page, broken)
    row = page.locator(".upload", has_text="broken.mp4")
    page.wait_for_function("() => document.querySelector('.upload progress')?.position > 0.4")

    wire.cut()
    expect(row).to_have_attribute("data-state", "interrupted")
    expect(page.locator(".connection")).to_contain_text("The connection to Reelay is lost")
    look(page, "interrupted")
    wire.mend()

    expect(row).to_have_attribute("data-state", "done", timeout=60_000)
    assert begun.count("POST") == 1, "it was not begun anew"
    row.get_by_role("link", name="Open").click()
    video_id = page.url.rpartition("/")[2]
    arrived = service.get(f"/api/v1/videos/{video_id}/source")
    assert sha256(arrived).digest() == sha256(content).digest()
    expect(state_of(page, "failed")).to_be_visible(timeout=PROCESS_S * 1000)
    assert len(page.locator(".notice.is-error").inner_text()) > 30, "it says what is wrong with it"
    look(page, "failed")


def test_an_upload_can_be_paused_and_resumed(
    context: BrowserContext, service: Service, wire: Wire, tmp_path: Path
) -> None:
    paused = tmp_path / "paused.mp4"
    media.ffmpeg("-i", media.CLIP, "-t", 10, "-c", "copy", paused)
    page = context.new_page()
    page.goto(wire.url)
    expect(page.get_by_role("heading", name="Videos")).to_be_visible()
    wire.freezes_after = paused.stat().st_size // 2
    drop(page, paused)
    row = page.locator(".upload", has_text="paused.mp4")

    row.get_by_role("button", name="Pause: ").click()
    expect(row).to_have_attribute("data-state", "paused")
    look(page, "paused")
    wire.mend()
    row.get_by_role("button", name="Resume: ").click()

    expect(row).to_have_attribute("data-state", "done")
    row.get_by_role("link", name="Open").click()
    arrived = service.get(f"/api/v1/videos/{page.url.rpartition('/')[2]}/source")
    assert arrived == paused.read_bytes()


def test_all_tabs_share_one_stream_of_events(opened: Open, talk: Talk, service: Service) -> None:
    def streams() -> int:
        metrics = service.get("/metrics").decode()
        found = re.search(r"^reelay_gateway_event_streams\S* (\d+)", metrics, re.MULTILINE)
        assert found
        return int(float(found[1]))

    for path in ("/", f"/videos/{talk.video_id}", "/"):
        opened(path)
    soon(lambda: streams() == 2)  # theirs, and that of who uploaded the talk
    late = opened("/")
    expect(late.locator(".tile", has_text="clip.mp4")).to_be_visible()

    assert streams() == 2


HEED = """{
  const place = document.querySelector(".connection");
  window.said = [];
  new MutationObserver(() => said.push(place.textContent)).observe(place, { childList: true });
}"""
"""Remember what is said of the connection: some of it is taken back after a few seconds."""


def test_a_lost_connection_is_said_plainly_and_what_was_missed_is_caught_up_with(
    opened: Open, talk: Talk, service: Service
) -> None:
    page = opened("/")
    page.evaluate(HEED)
    expect(page.locator(".tile", has_text="clip.mp4")).to_be_visible()
    expect(page.locator(".tile", has_text=lecture.NAME)).to_have_count(0)

    service.stop()
    expect(page.locator(".connection")).to_contain_text("The connection to Reelay is lost")
    look(page, "lost-connection")
    lecture.put(service.store)
    service.start()

    expect(page.locator(".tile", has_text=lecture.NAME)).to_be_visible()
    page.wait_for_function("said.some((text) => text.startsWith('Connected again'))")
    look(page, "list")


LONGEST_TASK_MS = """async () => {
    const tasks = [];
    const seen = new PerformanceObserver((list) => tasks.push(...list.getEntries()));
    seen.observe({ type: "longtask" });
    const pane = document.querySelector(".transcript");
    for (let step = 0; step < 40; step++) {
        pane.scrollTop = (pane.scrollHeight * step) / 40;
        await new Promise(requestAnimationFrame);
    }
    seen.disconnect();
    return Math.max(0, ...tasks.map(({ duration }) => duration));
}"""
"""While the whole transcript is scrolled through."""


def test_a_lecture_of_three_hours_stays_quick_and_has_one_tab_stop(
    opened: Open, talk: Talk, service: Service
) -> None:
    page = opened(f"/videos/{lecture.VIDEO_ID}")
    expect(page.locator(".word").first).to_be_visible()
    soon(lambda: page.evaluate(LONGEST_TASK_MS) < 1_000)  # a machine may be busy with other things once

    text = page.locator(".paragraphs").text_content() or ""
    assert text.count(" ") > 0.9 * lecture.WORDS, "all can be read"
    assert page.locator(".word").count() < 2_000, "words in view have elements"
    assert page.locator(".paragraphs [tabindex='0']").count() == 1

    page.get_by_label("Find in this transcript").fill(lecture.NEEDLE)
    expect(page.locator(".find-status")).to_have_text("1 of 1")
    expect(page.locator(".word.is-found-here")).to_be_in_viewport()
    page.get_by_label("Find in this transcript").press("Enter")
    expect(page.locator(".word.is-spoken")).to_have_text(re.compile(lecture.NEEDLE))
    assert time_of(page) == pytest.approx(lecture.NEEDLE_AT * lecture.WORD_S, abs=5)
    page.locator("video").evaluate("video => video.pause()")
    screenshots(page, "lecture")
    page.locator("summary").click()
    expect(page.locator(".timeline tbody tr")).to_have_count(801)
    page.get_by_role("button", name="Correct captions").click()
    expect(page.locator(".cue")).to_have_count(lecture.WORDS // 6)


def test_a_deleted_video_is_gone_after_it_was_asked_whether_that_is_meant(
    opened: Open, talk: Talk
) -> None:
    page = opened(f"/videos/{talk.video_id}")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    look(page, "delete")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.locator(".tile").first).to_be_visible()
    expect(page.locator(".tile", has_text="clip.mp4")).to_have_count(0)


def test_a_video_that_is_not_there_is_said_so(opened: Open) -> None:
    page = opened("/videos/never-there")

    expect(page.get_by_role("heading", name="No such video")).to_be_visible()
    look(page, "no-such-video")
