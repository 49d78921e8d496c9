/**
 * One video in the list.
 */

import { el, say } from "./dom.js";
import { shareOf } from "./live.js";
import { videoAddress } from "./router.js";
import { clock, facts, stateText } from "./text.js";

/** @typedef {import("./api.js").VideoSummary} VideoSummary */
/** @typedef {import("./api.js").State} State */

/** @type {Record<State, string>} */
export const STATE_NAMES = {
  waiting: "Waiting",
  working: "In progress",
  completed: "Ready",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** A list item that is kept up to date. Its elements stay, so that focus does. */
export class Tile {
  #link = el("a", { class: "tile-link" });
  #length = el("span", { class: "tile-length" });
  #state = el("span", { class: "state" });
  #facts = el("p", { class: "tile-facts" });
  #poster = el("div", { class: "poster", "aria-hidden": "true" }, this.#length);
  #progress = el("progress", { max: 1, hidden: true });

  /** @param {VideoSummary} video */
  constructor(video) {
    this.video = video;
    this.element = el(
      "li",
      { class: "tile" },
      this.#poster,
      el("div", { class: "tile-text" }, el("h2", { class: "tile-name", dir: "auto" }, this.#link), this.#state, this.#progress, this.#facts),
    );
    this.show(video);
  }

  /** @param {VideoSummary} video */
  show(video) {
    this.video = video;
    this.element.dataset.state = video.state;
    this.#poster.dataset.kind = video.has_picture === false ? "sound" : "picture";
    this.#poster.style.setProperty("--hue", String(hue(video.video_id)));
    this.#link.href = videoAddress(video.video_id);
    say(this.#link, video.name || "Untitled");
    say(this.#length, video.duration_s === null ? "" : clock(video.duration_s));
    showState(this.#state, video);
    showProgress(this.#progress, video);
    say(this.#facts, (video.state === "failed" && video.reason) || facts(video, { withLength: false }));
  }

  /** Show that more of it is done. */
  advance() {
    showProgress(this.#progress, this.video);
  }
}

/**
 * What is happening, as a word with its sign.
 * @param {HTMLElement} element
 * @param {VideoSummary} video
 */
export function showState(element, video) {
  element.dataset.state = video.state;
  say(element, stateText(video));
}

/**
 * How much of a video is transcribed; hidden where nothing is being done.
 * @param {HTMLProgressElement} bar
 * @param {VideoSummary} video
 */
export function showProgress(bar, video) {
  bar.hidden = video.state !== "working";
  bar.setAttribute("aria-label", `Progress of ${video.name}`);
  const share = bar.hidden ? null : shareOf(video);
  if (share === null) bar.removeAttribute("value");
  else bar.value = share;
}

/**
 * A colour for a video, always the same.
 * @param {string} videoId
 */
function hue(videoId) {
  let hash = 0x811c9dc5; // FNV-1a, which tells ids apart that are nearly alike
  for (const character of videoId) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0) % 360;
}
