/**
 * One video: player, transcript, downloads, corrections, and how it came about.
 */

import * as api from "./api.js";
import { Corrections } from "./corrections.js";
import { ask as askUser } from "./dialog.js";
import { el, fill, refill, say } from "./dom.js";
import { captionsSoFar, onLive, tellDeleted } from "./live.js";
import { oneAtATime } from "./loading.js";
import { LiveWords } from "./live-words.js";
import { announce, announceEnd, errorNotice } from "./notices.js";
import { Player } from "./player.js";
import { correctedWords, paragraphsOf, wordsOf } from "./reading.js";
import { captionsOf, downloads, fileNamed } from "./results.js";
import { askBeforeLeaving, go, timeIn, videoAddress } from "./router.js";
import { clock, facts } from "./text.js";
import { showProgress, showState } from "./tile.js";
import { timeline } from "./timeline.js";
import { findBox, Transcript } from "./transcript.js";
import { parseCues, writeCues } from "./webvtt.js";

/** @typedef {import("./api.js").Video} Video */
/** @typedef {import("./api.js").VideoSummary} VideoSummary */

const UNDER_WAY = new Set(["waiting", "working"]);

/** @type {import("./router.js").View} */
export function videoView(place, { url, match, signal }) {
  new VideoPage(place, decodeURIComponent(match[1]), signal).begin(timeIn(url), url.searchParams.get("find"));
  return "Video";
}

class VideoPage {
  #id;
  #signal;
  #place;
  /** @type {Video | null} */
  #video = null;
  #player;
  #transcript;
  #find;
  #words = new LiveWords();
  /** Which revision's results are shown; 0: none. */
  #shownRevision = 0;
  /** @type {Corrections | null} */
  #corrections = null;
  #load = oneAtATime(() => this.#loadOnce());
  #isAsking = false;

  #title = el("h1", { dir: "auto" });
  #state = el("p", { class: "state" });
  #progress = el("progress", { max: 1, hidden: true });
  #facts = el("p");
  #cancel = el("button", { onclick: () => this.#ask("cancel") }, "Cancel");
  #retry = el("button", { class: "primary", onclick: () => this.#ask("retry") }, "Try again");
  #copy = el("button", { class: "copy", onclick: () => this.#copyLink() }, "Copy link to this moment");
  #remove = el("button", { class: "danger", onclick: () => this.#delete() }, "Delete");
  #actions = el("div", { class: "actions" }, this.#cancel, this.#retry, this.#copy, this.#remove);
  #trouble = el("div");
  #downloads = el("div");
  #notes = el("div");
  #chapters = el("div");
  #keywords = el("div");
  #timeline = el("div");
  #reader = el("div", { class: "reader-body" });
  #readerHead = el("div", { class: "reader-head" });
  #correctButton = el("button", { class: "correct", onclick: () => this.#correct() }, "Correct captions");

  /**
   * @param {HTMLElement} place
   * @param {string} id
   * @param {AbortSignal} signal
   */
  constructor(place, id, signal) {
    this.#id = id;
    this.#signal = signal;
    this.#place = place;
    this.#player = new Player((time_s) => this.#at(time_s), signal);
    this.#transcript = new Transcript((time_s) => this.#player.seek(time_s, { play: true }), signal);
    this.#find = findBox(this.#transcript, () => this.#player.time);
    this.#readerHead.append(this.#find.element, this.#correctButton);
    onLive("snapshot", () => this.#load(), signal);
    onLive("video", (video) => video.video_id === id && this.#changed(video), signal);
    onLive("progress", ({ video_id }) => video_id === id && this.#video && showProgress(this.#progress, this.#video), signal);
    onLive("caption", (caption) => caption.video_id === id && this.#heard([caption]), signal);
    onLive("deleted", ({ video_id }) => video_id === id && this.#deleted(), signal);
    askBeforeLeaving(() => this.#corrections?.objection() ?? null);
    window.addEventListener("fragment", () => this.#seekToFragment(), { signal });
  }

  /**
   * @param {number | null} time_s where to begin
   * @param {string | null} sought what to look for in the transcript
   */
  async begin(time_s, sought) {
    await this.#load();
    if (!this.#video || this.#signal.aborted) return;
    if (time_s !== null) {
      this.#player.seek(time_s);
      this.#transcript.follow();
    }
    if (sought) this.#find.find(sought);
  }

  async #loadOnce() {
    try {
      const video = await api.getVideo(this.#id, this.#signal);
      if (!this.#video) this.#build();
      this.#show(video);
      fill(this.#trouble);
      if (video.shown_revision && video.shown_revision !== this.#shownRevision && !this.#corrections) {
        await this.#showResults(video);
      } else if (!video.shown_revision) {
        this.#showLive();
        this.#heard(captionsSoFar(this.#id));
      }
    } catch (error) {
      this.#failed(error, () => this.#load());
    }
  }

  #build() {
    fill(
      this.#place,
      el("nav", { class: "back", "aria-label": "Where you are" }, el("a", { href: "/" }, "All videos")),
      el("header", { class: "video-head" }, this.#title, el("div", { class: "video-facts" }, this.#state, this.#facts), this.#actions, this.#progress),
      this.#trouble,
      this.#notes,
      el(
        "div",
        { class: "watch" },
        el("div", { class: "watch-player" }, this.#player.element),
        el("section", { class: "reader", "aria-label": "Text" }, this.#reader),
        el("div", { class: "watch-more" }, this.#downloads, this.#chapters, this.#keywords, this.#timeline),
      ),
    );
    this.#showReader();
  }

  /** @param {Video} video */
  #show(video) {
    document.title = `${video.name || "Video"} · Reelay`;
    say(this.#title, video.name || "Untitled");
    this.#showSummary(video);
    this.#player.open(video.source_url, { name: video.name, picture: video.has_picture !== false });
    refill(this.#downloads, downloadLinks(video));
    refill(this.#notes, notes(video));
    this.#showTimeline(video);
  }

  /** @param {Video} video */
  #showSummary(video) {
    if (video.revision !== this.#video?.revision) this.#player.dropLiveCaptions();
    this.#video = video;
    showState(this.#state, video);
    showProgress(this.#progress, video);
    say(this.#facts, facts(video, { withLength: true }));
    this.#showActions(video.state);
  }

  /** @param {Video} video */
  async #showTimeline(video) {
    const open = this.#timeline.querySelector("details")?.open ?? false;
    let { stages, uploaded_at } = video;
    if (fileNamed(video.files, "timeline.json") && video.revision === video.shown_revision) {
      const whole = await api.getTimeline(this.#id, this.#signal).catch(() => null);
      if (whole) [stages, uploaded_at] = [whole.work, whole.uploaded_at];
    }
    const shown = timeline(stages, uploaded_at);
    if (shown instanceof HTMLDetailsElement) shown.open = open;
    refill(this.#timeline, shown);
  }

  /** @param {Video} video */
  async #showResults(video) {
    const file = fileNamed(video.files, "transcript.json");
    const offered = captionsOf(video, "vtt");
    const [captions] = offered;
    const transcript = file ? JSON.parse(await api.readFile(file, this.#signal)) : null;
    this.#player.setCaptions(offered);
    let words = transcript ? wordsOf(transcript) : [];
    if (captions?.kind === "corrected") {
      words = correctedWords(parseCues(await api.readFile(captions.file, this.#signal)), words, captions.language);
    }
    this.#shownRevision = video.shown_revision ?? 0;
    this.#transcript.show(words, paragraphsOf(words, video.gaps));
    this.#transcript.at(this.#player.time);
    this.#showReader();
    const language = transcript?.language;
    fill(this.#keywords, keywordButtons(transcript?.keywords ?? [], language, (text) => this.#find.find(text)));
    await this.#showChapters(video, language);
  }

  /**
   * @param {Video} video
   * @param {string} [language] BCP 47
   */
  async #showChapters(video, language) {
    const file = fileNamed(video.files, "chapters.vtt");
    const chapters = file ? parseCues(await api.readFile(file, this.#signal)) : [];
    fill(
      this.#chapters,
      chapters.length > 0 && [
        el("h2", {}, "Chapters"),
        el(
          "ol",
          { class: "chapters" },
          chapters.map(({ start_s, text }) => el("li", {}, el("a", { href: videoAddress(this.#id, start_s) }, el("span", { class: "chapter-time" }, clock(start_s)), el("span", { lang: language, dir: "auto" }, text)))),
        ),
      ],
    );
  }

  /** The words that have come so far, while nothing is complete. */
  #showLive() {
    const words = this.#words.of(this.#video?.revision ?? 0);
    this.#transcript.show(words, paragraphsOf(words));
    this.#showReader();
  }

  #showReader() {
    if (this.#corrections) return;
    const video = this.#video;
    const words = this.#words.of(video?.revision ?? 0);
    const hasText = this.#shownRevision > 0 || words.length > 0;
    this.#correctButton.hidden = !video || this.#shownRevision === 0 || captionsOf(video, "vtt").length === 0;
    if (!hasText) fill(this.#reader, el("p", { class: "reader-empty" }, emptyText(video)));
    else if (!this.#reader.contains(this.#transcript.element)) fill(this.#reader, this.#readerHead, this.#transcript.element);
  }

  async #correct() {
    if (!this.#video?.shown_revision) return;
    if (UNDER_WAY.has(this.#video.state)) {
      announce("This video is being worked on. Its captions can be corrected after that.");
      return;
    }
    const { shown_revision } = this.#video;
    const [captions] = captionsOf(this.#video, "vtt");
    try {
      const cues = parseCues(await api.readFile(captions.file, this.#signal));
      this.#corrections = new Corrections(cues, captions.language, {
        seek: (time_s) => this.#player.seek(time_s),
        save: async (corrected) => {
          await api.putCaptions(this.#id, captions.language, writeCues(corrected), shown_revision);
          this.#stopCorrecting();
        },
        close: () => this.#stopCorrecting(),
      });
      fill(this.#reader, this.#corrections.element);
      this.#corrections.focus(this.#player.time);
    } catch (error) {
      this.#failed(error, () => this.#correct());
    }
  }

  #stopCorrecting() {
    this.#corrections = null;
    fill(this.#reader);
    this.#showReader();
    this.#correctButton.focus();
    this.#load(); // somebody else's may have come meanwhile
  }

  /** @param {VideoSummary} summary */
  #changed(summary) {
    const before = this.#video;
    if (before) this.#showSummary({ ...before, ...summary });
    if (summary.state === before?.state && summary.revision === before.revision) return;
    if (before) announceEnd(summary);
    this.#load();
  }

  /** @param {import("./live-words.js").LiveCaption[]} captions some of them maybe known already */
  #heard(captions) {
    if (!this.#video || this.#shownRevision) return; // all so far come when it is loaded
    const { revision } = this.#video;
    const isFirst = this.#words.of(revision).length === 0;
    let fresh = 0;
    for (const caption of captions.filter((each) => each.revision === revision)) {
      const words = this.#words.add(caption);
      fresh += words.length;
      if (words.length) this.#player.addCaptions(words, caption.language);
    }
    if (!fresh) return;
    this.#showLive();
    if (isFirst) announce("The first words are there.");
  }

  #deleted() {
    announce("This video was deleted.");
    this.#corrections = null;
    go("/");
  }

  /** @param {number} time_s */
  #at(time_s) {
    if (this.#corrections) this.#corrections.at(time_s);
    else this.#transcript.at(time_s);
  }

  #seekToFragment() {
    const time_s = timeIn(location);
    if (time_s === null) return;
    this.#player.seek(time_s);
    this.#transcript.follow();
  }

  /** @param {import("./api.js").State} state */
  #showActions(state) {
    const underWay = UNDER_WAY.has(state);
    this.#correctButton.setAttribute("aria-disabled", String(underWay)); // not `disabled`, which loses the focus
    const focused = document.activeElement;
    this.#cancel.hidden = !underWay;
    this.#retry.hidden = state !== "failed" && state !== "cancelled";
    if ([this.#cancel, this.#retry].some((button) => button.hidden && button === focused)) this.#copy.focus();
  }

  /** @param {"cancel" | "retry"} what */
  async #ask(what) {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      await api.ask(this.#id, what);
      announce(what === "cancel" ? "Cancelling." : "It is being tried again.");
      await this.#load();
    } catch (error) {
      this.#failed(error, () => this.#ask(what));
    } finally {
      this.#isAsking = false;
    }
  }

  async #copyLink() {
    const address = new URL(videoAddress(this.#id, this.#player.time), location.href).href;
    try {
      await navigator.clipboard.writeText(address);
      announce(`The link to ${clock(this.#player.time)} is copied.`);
      fill(this.#trouble, el("p", { class: "notice" }, `Copied: the link to ${clock(this.#player.time)}.`));
    } catch {
      fill(this.#trouble, el("p", { class: "notice" }, "The link to this moment: ", el("a", { href: address }, address)));
    }
  }

  async #delete() {
    const name = this.#video?.name ?? "";
    const sure = await askUser(`Delete “${name}”?`, "The upload, its captions and its transcript are removed for ever.", "Delete");
    if (!sure) return;
    try {
      await api.deleteVideo(this.#id);
      tellDeleted(this.#id);
    } catch (error) {
      this.#failed(error, () => this.#delete());
    }
  }

  /**
   * @param {unknown} error
   * @param {() => void} again
   */
  #failed(error, again) {
    if (this.#signal.aborted) return;
    if (error instanceof api.ApiError && error.status === 404 && !this.#video) {
      fill(this.#place, el("div", { class: "lost" }, el("h1", {}, "No such video"), el("p", {}, "It may have been deleted. "), el("p", {}, el("a", { href: "/" }, "Show all videos"))));
      return;
    }
    const notice = errorNotice(error, { label: "Try again", action: again });
    if (this.#video) fill(this.#trouble, notice);
    else fill(this.#place, notice);
  }
}

/** @param {Video | null} video */
function emptyText(video) {
  switch (video?.state) {
    case undefined:
      return "Loading…";
    case "failed":
      return "There is no transcript.";
    case "cancelled":
      return "There is no transcript: it was cancelled.";
    case "completed":
      return "No speech was found.";
    default:
      return "Words appear here as soon as they are heard.";
  }
}

/** @param {Video} video */
function notes(video) {
  return [
    video.state === "failed" && el("div", { class: "notice is-error" }, el("p", {}, el("strong", {}, "It could not be done. "), video.reason ?? "")),
    video.shown_revision && UNDER_WAY.has(video.state) && el("p", { class: "notice" }, "A new version is being made. Until it is ready, you see the one before."),
    ...video.warnings.map((warning) => el("p", { class: "notice" }, warning)),
  ];
}

/** @param {Video} video */
function downloadLinks(video) {
  const files = downloads(video);
  if (!files.length) return null;
  return [
    el("h2", {}, "Take it with you"),
    el(
      "ul",
      { class: "download-list" },
      files.map(({ label, what, file }) =>
        el("li", {}, el("a", { class: "button", href: `${file.url}${file.url.includes("?") ? "&" : "?"}download=true`, download: true }, label, el("span", { class: "visually-hidden" }, `: ${what}`)), el("span", { class: "download-what", "aria-hidden": "true" }, what)),
      ),
    ),
  ];
}

/**
 * @param {{text: string}[]} keywords
 * @param {string | undefined} language BCP 47
 * @param {(text: string) => void} find
 */
function keywordButtons(keywords, language, find) {
  if (!keywords.length) return null;
  return [
    el("h2", {}, "Keywords"),
    el("ul", { class: "keywords" }, keywords.map(({ text }) => el("li", {}, el("button", { lang: language, dir: "auto", onclick: () => find(text) }, text)))),
  ];
}
