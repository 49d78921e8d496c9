/**
 * The list of all videos, page by page, kept up to date by live events.
 */

import { listVideos } from "./api.js";
import { pickFiles } from "./choosing.js";
import { arrange, el, fill, refill, say } from "./dom.js";
import { isDeleted, onLive } from "./live.js";
import { oneAtATime } from "./loading.js";
import { announce, announceEnd, errorNotice } from "./notices.js";
import { counted } from "./text.js";
import { STATE_NAMES, Tile } from "./tile.js";

/** @typedef {import("./api.js").State} State */
/** @typedef {import("./api.js").VideoSummary} VideoSummary */

const PAGE = 48;
const COUNT_EVERY_MS = 2000;

/**
 * @param {import("./choosing.js").Chosen} chosen what becomes of files that are picked here
 * @returns {import("./router.js").View}
 */
export function listView(chosen) {
  return (place, { url, signal }) => {
    const asked = url.searchParams.get("state");
    const state = asked !== null && Object.hasOwn(STATE_NAMES, asked) ? /** @type {State} */ (asked) : null;
    new List(place, state, chosen, signal).load();
    return state ? `${STATE_NAMES[state]} videos` : "Videos";
  };
}

class List {
  #state;
  #chosen;
  #signal;
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  /** @type {string | null} */
  #next = null;
  #total = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #counting;
  #loading = false;
  /** Whether the user asked for more, and then wants to go on from there. */
  #asked = false;

  #count = el("p", { class: "list-count" });
  #filters;
  #grid = el("ul", { class: "grid", "aria-label": "Videos" });
  #trouble = el("div");
  #empty = el("div");
  #nearEnd = new IntersectionObserver((entries) => entries.at(-1)?.isIntersecting && this.#loadMore(), { rootMargin: "600px" });
  #more = el("button", { class: "more", hidden: true, onclick: () => this.#askForMore() }, "Show more");

  /**
   * @param {HTMLElement} place
   * @param {State | null} state only videos in this state
   * @param {import("./choosing.js").Chosen} chosen
   * @param {AbortSignal} signal
   */
  constructor(place, state, chosen, signal) {
    this.#state = state;
    this.#chosen = chosen;
    this.#signal = signal;
    this.#filters = filters(state);
    fill(
      place,
      el("div", { class: "list-head" }, el("h1", {}, "Videos"), this.#count, this.#filters),
      this.#trouble,
      this.#empty,
      this.#grid,
      this.#more,
    );

    onLive("snapshot", () => this.load(), signal);
    onLive("video", (video) => this.#changed(video), signal);
    onLive("progress", ({ video_id }) => this.#tiles.get(video_id)?.advance(), signal);
    onLive("deleted", ({ video_id }) => this.#gone(video_id), signal);
    this.#nearEnd.observe(this.#more);
    signal.addEventListener("abort", () => {
      this.#nearEnd.disconnect();
      clearTimeout(this.#counting);
    });
  }

  /** The first page, again: after it, the list is as new as the server. */
  load = oneAtATime(() => this.#loadFirst());

  async #loadFirst() {
    try {
      const page = await this.#page({ limit: Math.max(PAGE, Math.min(200, this.#tiles.size)) });
      fill(this.#trouble);
      const known = this.#tiles;
      this.#tiles = new Map();
      for (const video of page.videos) if (!isDeleted(video.video_id)) this.#put(video, known.get(video.video_id));
      arrange(this.#grid, [...this.#tiles.values()].map(({ element }) => element));
      this.#end(page);
    } catch (error) {
      this.#failed(error, () => this.load());
    }
  }

  #askForMore() {
    this.#asked = true;
    this.#loadMore();
  }

  async #loadMore() {
    if (this.#loading || !this.#next) return;
    this.#loading = true;
    try {
      const page = await this.#page({ cursor: this.#next, limit: PAGE });
      const fresh = page.videos.filter(({ video_id }) => !this.#tiles.has(video_id) && !isDeleted(video_id)).map((video) => this.#put(video));
      this.#grid.append(...fresh.map(({ element }) => element));
      this.#end(page);
      announce(`${counted(fresh.length, "more video")}.`);
      if (this.#asked) fresh[0]?.element.querySelector("a")?.focus();
      this.#asked = false;
    } catch (error) {
      this.#failed(error, () => this.#loadMore());
    } finally {
      this.#loading = false;
    }
  }

  /**
   * A page, and what was told while it was on its way: it may be from before that.
   * @param {{cursor?: string, limit: number}} which
   */
  async #page(which) {
    /** @type {VideoSummary[]} */
    const told = [];
    const arrived = new AbortController();
    onLive("video", (video) => told.push(video), arrived.signal);
    try {
      return { ...(await listVideos({ state: this.#state, ...which }, this.#signal)), told };
    } finally {
      arrived.abort();
    }
  }

  /**
   * @param {VideoSummary} video
   * @param {Tile} [tile] the one that shows it already
   */
  #put(video, tile = new Tile(video)) {
    tile.show(video);
    this.#tiles.set(video.video_id, tile);
    return tile;
  }

  /** @param {{next: string | null, total: number, told: VideoSummary[]}} page */
  #end({ next, total, told }) {
    this.#next = next;
    this.#more.hidden = next === null;
    // Observing it anew tells whether it is still in view, on a screen that holds more than a page.
    this.#nearEnd.unobserve(this.#more);
    this.#nearEnd.observe(this.#more);
    this.#setTotal(total);
    for (const video of told) this.#changed(video);
  }

  /** @param {number} total */
  #setTotal(total) {
    this.#total = total;
    say(this.#count, total ? counted(total, "video") : "");
    this.#grid.hidden = total === 0;
    this.#filters.hidden = total === 0 && !this.#state;
    refill(this.#empty, total ? null : this.#state ? nothingHere(this.#state) : welcome(this.#chosen));
  }

  /** @param {VideoSummary} video */
  #changed(video) {
    const tile = this.#tiles.get(video.video_id);
    const belongs = !this.#state || video.state === this.#state;
    if (!belongs) {
      this.#gone(video.video_id);
    } else if (tile) {
      const before = tile.video.state;
      tile.show(video);
      if (before !== video.state) announceEnd(video);
    } else {
      this.#came(video);
    }
  }

  /**
   * One that was not in the list, or is further down in it than what is shown.
   * @param {VideoSummary} video
   */
  #came(video) {
    const shown = [...this.#tiles.values()];
    if (this.#next !== null && shown.every((tile) => newestFirst(tile.video, video) < 0)) {
      this.#countAgain();
      return;
    }
    const tiles = [...shown, this.#put(video)].sort((one, other) => newestFirst(one.video, other.video));
    arrange(this.#grid, tiles.map(({ element }) => element));
    this.#setTotal(this.#total + 1);
  }

  /** Ask how many there are, but not each time: nobody here knows which of those further down counted already. */
  #countAgain() {
    this.#counting ??= setTimeout(async () => {
      this.#counting = undefined;
      const page = await listVideos({ state: this.#state, limit: 1 }, this.#signal).catch(() => null);
      if (page) this.#setTotal(page.total);
    }, COUNT_EVERY_MS);
  }

  /** @param {string} videoId */
  #gone(videoId) {
    const tile = this.#tiles.get(videoId);
    if (!tile) {
      if (this.#next !== null) this.#countAgain();
      return;
    }
    this.#tiles.delete(videoId);
    tile.element.remove();
    this.#setTotal(this.#total - 1);
  }

  /**
   * @param {unknown} error
   * @param {() => void} again
   */
  #failed(error, again) {
    if (this.#signal.aborted) return;
    fill(this.#trouble, errorNotice(error, { label: "Try again", action: again }));
  }
}

/**
 * The server's order.
 * @param {VideoSummary} one
 * @param {VideoSummary} other
 */
function newestFirst(one, other) {
  const [first, second] = [one, other].map(({ uploaded_at, video_id }) => `${uploaded_at ?? ""} ${video_id}`);
  return first > second ? -1 : 1;
}

/** @param {State | null} chosen */
function filters(chosen) {
  const all = [[null, "All"], ...Object.entries(STATE_NAMES)];
  return el(
    "nav",
    { class: "filters", "aria-label": "Which videos" },
    el(
      "ul",
      {},
      all.map(([state, name]) =>
        el("li", {}, el("a", { href: state ? `/?state=${state}` : "/", "aria-current": state === chosen && "page" }, name)),
      ),
    ),
  );
}

/** @param {State} state */
function nothingHere(state) {
  return el("p", { class: "nothing" }, `No video is in this list (${STATE_NAMES[state].toLowerCase()}). `, el("a", { href: "/" }, "Show all videos"));
}

/** @param {import("./choosing.js").Chosen} chosen */
function welcome(chosen) {
  return el(
    "div",
    { class: "welcome" },
    el("p", { class: "welcome-title" }, "Drop a video here"),
    el("p", {}, "It is transcribed word by word. You can read along while it is being worked on, search what was said, and take captions with you."),
    el("button", { class: "primary", onclick: () => pickFiles(chosen) }, "Choose files"),
    el("p", { class: "welcome-small" }, "Video or sound in any common format. From a terminal: ", el("code", {}, `curl -T talk.mp4 ${location.origin}/api/v1/upload/`)),
  );
}
