/**
 * Searching everything that was said; each hit leads to its moment.
 */

import { search } from "./api.js";
import { byId, el, fill, say } from "./dom.js";
import { announce, errorNotice } from "./notices.js";
import { go, videoAddress } from "./router.js";
import { clock, counted, direction, languageName } from "./text.js";

/** @typedef {import("./api.js").Hit} Hit */

/** Those that Whisper's models know. */
const LANGUAGES =
  "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is it ja jv ka kk km kn ko la lb ln lo lt lv " +
  "mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh";

/** Have the box at the top of the page search. */
export function takeSearches() {
  byId("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const q = box().value.trim();
    if (q) go(`/search?${new URLSearchParams({ q })}`);
    else box().focus();
  });
}

/** @type {import("./router.js").View} */
export function searchView(place, { url, signal }) {
  const query = Object.fromEntries(url.searchParams);
  box().value = query.q ?? "";
  signal.addEventListener("abort", () => (box().value = ""));
  new Results(place, query, signal).begin();
  return query.q ? `“${query.q}”` : "Search";
}

class Results {
  #query;
  #signal;
  /** @type {Map<string, HTMLElement>} by video: the list of its hits */
  #lists = new Map();
  /** @type {string | null} */
  #next = null;
  #loading = false;

  #count = el("p", { class: "list-count" });
  #trouble = el("div");
  #hits = el("div", { class: "hits" });
  #more = el("button", { class: "more", hidden: true, onclick: () => this.#load() }, "Show more");

  /**
   * @param {HTMLElement} place
   * @param {Record<string, string>} query
   * @param {AbortSignal} signal
   */
  constructor(place, query, signal) {
    this.#query = query;
    this.#signal = signal;
    fill(
      place,
      el("div", { class: "list-head" }, el("h1", {}, "Search"), this.#count, filterForm(query)),
      this.#trouble,
      this.#hits,
      this.#more,
    );
  }

  begin() {
    if (this.#query.q) {
      this.#load();
    } else {
      fill(this.#hits, el("p", { class: "nothing" }, "Type what was said into the box at the top. Quotes find a phrase, a star the beginning of a word: ", el("code", {}, '"one machine"'), ", ", el("code", {}, "caption*"), "."));
      box().focus();
    }
  }

  async #load() {
    if (this.#loading) return;
    this.#loading = true;
    const { q, language, since, until } = this.#query;
    try {
      const { hits, next, total, at_least } = await search({ q, language, since, until, cursor: this.#next }, this.#signal);
      fill(this.#trouble);
      const isFirst = this.#next === null;
      const before = this.#hits.querySelectorAll(".hit").length;
      for (const hit of hits) this.#put(hit);
      this.#next = next;
      this.#more.hidden = next === null;
      const places = counted(total, "place", "places", at_least);
      say(this.#count, places);
      if (!total) fill(this.#hits, el("p", { class: "nothing" }, "Nobody said that. Try fewer words, or the beginning of one with a star: ", el("code", {}, `${q.split(/\s/)[0].slice(0, 5)}*`)));
      announce(isFirst ? `${places} found.` : `${counted(hits.length, "more place")}.`);
      if (!isFirst) /** @type {HTMLElement | undefined} */ (this.#hits.querySelectorAll(".hit")[before])?.focus();
    } catch (error) {
      if (!this.#signal.aborted) fill(this.#trouble, errorNotice(error, { label: "Try again", action: () => this.#load() }));
    } finally {
      this.#loading = false;
    }
  }

  /** @param {Hit} hit */
  #put(hit) {
    let list = this.#lists.get(hit.video_id);
    if (!list) {
      list = el("ol", { class: "hit-list" });
      this.#lists.set(hit.video_id, list);
      this.#hits.append(
        el("section", { class: "hit-video" }, el("h2", { dir: "auto" }, el("a", { href: videoAddress(hit.video_id) }, hit.name || "Untitled")), list),
      );
    }
    list.append(
      el(
        "li",
        {},
        el(
          "a",
          { class: "hit", href: videoAddress(hit.video_id, hit.start_s) },
          el("span", { class: "hit-time" }, clock(hit.start_s)),
          " ",
          el(
            "span",
            { class: "hit-text", lang: hit.language, dir: direction(hit.language) },
            hit.snippet.map((part) => (part.hit ? el("mark", {}, part.text) : part.text)),
          ),
        ),
      ),
    );
  }
}

/** @param {Record<string, string>} query */
function filterForm(query) {
  const tags = new Set([...LANGUAGES.split(" "), ...(query.language ? [query.language] : [])]);
  const languages = [...tags].map((tag) => ({ tag, name: languageName(tag) })).sort((one, other) => one.name.localeCompare(other.name, "en"));
  const form = el(
    "form",
    { class: "search-filters", "aria-label": "Narrow the search" },
    el(
      "label",
      {},
      "Language",
      el(
        "select",
        { name: "language" },
        el("option", { value: "" }, "Any"),
        languages.map(({ tag, name }) => el("option", { value: tag, selected: tag === query.language }, name)),
      ),
    ),
    el("label", {}, "Uploaded since", el("input", { type: "date", name: "since", value: query.since ?? "" })),
    el("label", {}, "until", el("input", { type: "date", name: "until", value: query.until ?? "" })),
    el("button", { type: "submit" }, "Apply"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = [["q", box().value.trim()], ...new FormData(form)].filter(([, value]) => value);
    go(`/search?${new URLSearchParams(/** @type {[string, string][]} */ (given))}`);
  });
  return form;
}

function box() {
  return /** @type {HTMLInputElement} */ (byId("search-box"));
}
