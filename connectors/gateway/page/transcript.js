/**
 * The transcript: text to read that follows the playback.
 *
 * All text is there from the start, so that the browser's own search and a screen reader find every word.
 * Only the paragraphs in view have an element for each word; and of all words, one is a tab stop.
 */

import { el, fill, say } from "./dom.js";
import { WordIndex, wordAt } from "./reading.js";
import { clock, direction } from "./text.js";

/** @typedef {import("./reading.js").Word} Word */
/** @typedef {import("./reading.js").Paragraph} Paragraph */
/** @typedef {import("./reading.js").Range} Range */

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

export class Transcript {
  #onSeek;
  /** @type {Word[]} */
  #words = [];
  /** @type {Paragraph[]} */
  #paragraphs = [];
  /** @type {HTMLElement[]} one for each paragraph */
  #elements = [];
  /** @type {Set<number>} paragraphs that have an element for each word */
  #open = new Set();
  #cursor = 0;
  #spoken = -1;
  #following = true;
  /** @type {WordIndex | null} made when something is sought */
  #index = null;
  /** @type {Range[]} */
  #found = [];
  #foundAt = -1;
  #sought = "";

  #body = el("div", { class: "paragraphs" });
  #follow = el("button", { class: "follow", hidden: true, onclick: () => this.follow() }, "Follow along");
  #sight;

  /**
   * @param {(time_s: number) => void} onSeek
   * @param {AbortSignal} signal
   */
  constructor(onSeek, signal) {
    this.#onSeek = onSeek;
    this.element = el(
      "div",
      { class: "transcript", role: "group", "aria-label": "Transcript", "aria-describedby": "transcript-hint" },
      el("p", { id: "transcript-hint", class: "visually-hidden" }, "Arrow keys go from word to word and from paragraph to paragraph, Enter plays from there."),
      this.#body,
      this.#follow,
    );
    this.#body.addEventListener("click", (event) => this.#clicked(event));
    this.#body.addEventListener("keydown", (event) => this.#pressed(event));
    for (const type of ["wheel", "touchmove", "pointerdown"]) {
      this.element.addEventListener(type, () => this.#setFollowing(false), { passive: true });
    }
    this.#sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const number = Number(/** @type {HTMLElement} */ (target).dataset.number);
        if (isIntersecting) this.#openUp(number);
        else this.#close(number);
      }
    });
    signal.addEventListener("abort", () => this.#sight.disconnect());
  }

  /**
   * @param {Word[]} words
   * @param {Paragraph[]} paragraphs
   */
  show(words, paragraphs) {
    const focused = this.#body.contains(document.activeElement);
    const cursor_s = this.#words[this.#cursor]?.start_s ?? 0;
    const spoken_s = this.#words[this.#spoken]?.start_s ?? -1;
    const found_s = this.#words[this.#found[this.#foundAt]?.first]?.start_s ?? 0;
    let same = 0;
    while (same < Math.min(paragraphs.length, this.#paragraphs.length) && this.#isSame(words, paragraphs[same], same)) same++;
    for (const element of this.#elements.splice(same)) {
      this.#sight.unobserve(element);
      element.remove();
    }
    for (const number of this.#open) if (number >= same) this.#open.delete(number);

    this.#words = words;
    this.#paragraphs = paragraphs;
    this.#index = null;
    this.#look(found_s);
    this.#cursor = Math.max(0, wordAt(words, cursor_s));
    this.#spoken = wordAt(words, spoken_s);
    const fresh = paragraphs.slice(same).map((paragraph, index) => this.#paragraph(paragraph, same + index));
    this.#elements.push(...fresh);
    this.#body.append(...fresh);
    for (const element of fresh) this.#sight.observe(element);
    this.#placeCursor(this.#cursor, { focus: false });
    if (focused) this.#element(this.#cursor)?.focus({ preventScroll: true });
  }

  /**
   * The playback has come to a time.
   * @param {number} time_s
   */
  at(time_s) {
    const word = wordAt(this.#words, time_s);
    if (word === this.#spoken) return;
    this.#element(this.#spoken)?.classList.remove("is-spoken");
    this.#spoken = word;
    if (word < 0) return;
    this.#openUp(this.#paragraphOf(word));
    this.#element(word)?.classList.add("is-spoken");
    if (!this.#body.contains(document.activeElement)) this.#placeCursor(word, { focus: false });
    if (this.#following) this.#bringIntoView(word);
  }

  /** Follow the playback again. */
  follow() {
    this.#setFollowing(true);
    if (this.#spoken >= 0) this.#bringIntoView(this.#spoken);
  }

  /**
   * Look for text.
   * @param {string} query
   * @param {number} [from_s] begin with the first place after this time
   * @returns {{count: number, at: number}}
   */
  find(query, from_s = 0) {
    this.#sought = query.trim();
    this.#look(from_s);
    this.#showFound();
    return { count: this.#found.length, at: this.#foundAt };
  }

  /**
   * Go on to another place where it is said.
   * @param {1 | -1} step
   */
  findNext(step) {
    const count = this.#found.length;
    if (count) this.#foundAt = (this.#foundAt + step + count) % count;
    this.#showFound();
    return { count, at: this.#foundAt };
  }

  /** Play from the place that was found. */
  seekToFound() {
    const range = this.#found[this.#foundAt];
    if (range) this.#seek(range.first);
  }

  /** @param {number} from_s */
  #look(from_s) {
    if (this.#sought) this.#index ??= new WordIndex(this.#words);
    this.#found = this.#index?.find(this.#sought) ?? [];
    const next = this.#found.findIndex(({ end }) => this.#words[end - 1].start_s >= from_s);
    this.#foundAt = this.#found.length ? Math.max(0, next) : -1;
  }

  #showFound() {
    for (const number of this.#open) this.#decorate(number);
    const range = this.#found[this.#foundAt];
    if (!range) return;
    this.#setFollowing(false);
    this.#placeCursor(range.first, { focus: false });
    this.#bringIntoView(range.first);
  }

  /**
   * @param {Word[]} words
   * @param {Paragraph} paragraph
   * @param {number} number
   */
  #isSame(words, paragraph, number) {
    const before = this.#paragraphs[number];
    if (paragraph.gap || before.gap || paragraph.first !== before.first || paragraph.end !== before.end) return false;
    for (let word = paragraph.first; word < paragraph.end; word++) {
      if (words[word].text !== this.#words[word].text || words[word].start_s !== this.#words[word].start_s) return false;
    }
    return true;
  }

  /**
   * @param {Paragraph} paragraph
   * @param {number} number
   */
  #paragraph({ first, end, gap }, number) {
    if (gap) {
      return el("p", { class: "gap", "data-number": number }, `No transcript from ${clock(gap.start_s)} to ${clock(gap.end_s)}: ${gap.reason}`);
    }
    const { start_s, language } = this.#words[first];
    return el(
      "div",
      { class: "paragraph", "data-number": number },
      el("a", { class: "paragraph-time", href: `#t=${start_s}`, tabindex: -1 }, clock(start_s)),
      el("p", { lang: language, dir: direction(language) }, this.#text(first, end)),
    );
  }

  /**
   * @param {number} first
   * @param {number} end
   */
  #text(first, end) {
    let text = "";
    for (let word = first; word < end; word++) text += this.#words[word].text;
    return text.trimStart();
  }

  /**
   * Give each word of a paragraph its element.
   * @param {number} number
   */
  #openUp(number) {
    const paragraph = this.#paragraphs[number];
    if (!paragraph || paragraph.gap || this.#open.has(number)) return;
    this.#open.add(number);
    const parts = [];
    for (let word = paragraph.first; word < paragraph.end; word++) {
      const { text } = this.#words[word];
      const bare = text.trimStart();
      if (bare.length < text.length && word > paragraph.first) parts.push(" ");
      parts.push(el("span", { class: "word", "data-word": word }, bare));
    }
    fill(this.#line(number), parts);
    this.#decorate(number);
  }

  /**
   * Make a paragraph plain text again, unless the tab stop is in it.
   * @param {number} number
   */
  #close(number) {
    const paragraph = this.#paragraphs[number];
    if (!paragraph || !this.#open.has(number)) return;
    if (this.#cursor >= paragraph.first && this.#cursor < paragraph.end) return;
    this.#open.delete(number);
    fill(this.#line(number), this.#text(paragraph.first, paragraph.end));
  }

  /**
   * Mark what is spoken, found, and the tab stop, in a paragraph that is open.
   * @param {number} number
   */
  #decorate(number) {
    const { first, end } = this.#paragraphs[number];
    const here = this.#found[this.#foundAt];
    const found = this.#found.filter((range) => range.end > first && range.first < end);
    for (let word = first; word < end; word++) {
      const element = this.#element(word);
      if (!element) continue;
      const inFound = found.some((range) => word >= range.first && word < range.end);
      element.classList.toggle("is-found", inFound);
      element.classList.toggle("is-found-here", inFound && word >= here.first && word < here.end);
      element.classList.toggle("is-spoken", word === this.#spoken);
      setStop(element, word === this.#cursor);
    }
  }

  /**
   * @param {number} word
   * @param {{focus: boolean}} how
   */
  #placeCursor(word, { focus }) {
    if (word >= this.#words.length) return;
    const before = this.#element(this.#cursor);
    if (before) setStop(before, false);
    this.#cursor = word;
    this.#openUp(this.#paragraphOf(word));
    const element = this.#element(word);
    if (!element) return;
    setStop(element, true);
    if (focus) element.focus();
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const target = /** @type {Element} */ (event.target);
    const word = target.closest("[data-word]");
    // Who selects text wants the text.
    if (!(word instanceof HTMLElement) || String(window.getSelection())) return;
    const number = Number(word.dataset.word);
    this.#placeCursor(number, { focus: true });
    this.#seek(number);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.altKey || event.metaKey || !(event.target instanceof HTMLElement) || !event.target.dataset.word) return;
    const number = this.#paragraphOf(this.#cursor);
    const { first, end } = this.#paragraphs[number];
    const forward = direction(this.#words[this.#cursor].language) === "ltr" ? 1 : -1;
    const last = this.#words.length - 1;
    /** @type {Record<string, () => number>} */
    const moves = {
      ArrowRight: () => this.#cursor + forward,
      ArrowLeft: () => this.#cursor - forward,
      ArrowDown: () => this.#paragraphs.slice(number + 1).find(({ gap }) => !gap)?.first ?? this.#cursor,
      ArrowUp: () => (this.#cursor > first ? first : (this.#paragraphs.slice(0, number).findLast(({ gap }) => !gap)?.first ?? 0)),
      Home: () => (event.ctrlKey ? 0 : first),
      End: () => (event.ctrlKey ? last : end - 1),
    };
    if (event.key === "Enter" || event.key === " ") {
      this.#seek(this.#cursor);
    } else if (Object.hasOwn(moves, event.key)) {
      this.#setFollowing(false);
      this.#placeCursor(Math.min(last, Math.max(0, moves[event.key]())), { focus: true });
    } else {
      return;
    }
    event.preventDefault();
  }

  /** @param {number} word */
  #seek(word) {
    this.#setFollowing(true);
    this.#onSeek(this.#words[word].start_s);
  }

  /** @param {boolean} following */
  #setFollowing(following) {
    this.#following = following;
    this.#follow.hidden = following || this.#spoken < 0;
  }

  /** @param {number} word */
  #bringIntoView(word) {
    const number = this.#paragraphOf(word);
    this.#openUp(number);
    const element = this.#element(word);
    if (!element) return;
    const scroller = this.#scroller();
    const box = element.getBoundingClientRect();
    const whole = document.scrollingElement;
    const view = scroller === whole ? new DOMRect(0, 0, innerWidth, innerHeight) : scroller.getBoundingClientRect();
    const edge = Math.min(90, view.height / 4);
    if (box.top >= view.top + edge && box.bottom <= view.bottom - edge) return;
    const behavior = calm.matches || Math.abs(box.top - view.top) > 3 * view.height ? "instant" : "smooth";
    // On small screens the player covers the upper part.
    scroller.scrollBy({ top: box.top - view.top - view.height * (scroller === whole ? 0.6 : 0.35), behavior });
  }

  /** What scrolls the text: its own box, or on small screens the page. */
  #scroller() {
    const own = this.element;
    const page = document.scrollingElement ?? document.documentElement;
    return getComputedStyle(own).overflowY === "auto" ? own : page;
  }

  /** @param {number} word */
  #paragraphOf(word) {
    let [low, high] = [0, this.#paragraphs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#paragraphs[middle].end <= word) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** @param {number} word */
  #element(word) {
    const number = this.#paragraphOf(word);
    return this.#open.has(number) ? /** @type {HTMLElement | null} */ (this.#elements[number]?.querySelector(`[data-word="${word}"]`)) : null;
  }

  /** @param {number} number */
  #line(number) {
    return /** @type {HTMLElement} */ (this.#elements[number].querySelector("p"));
  }
}

/**
 * The word that Tab comes to is a button, all others are text.
 * @param {HTMLElement} element
 * @param {boolean} is
 */
function setStop(element, is) {
  if (is === element.hasAttribute("tabindex")) return;
  if (is) {
    element.setAttribute("tabindex", "0");
    element.setAttribute("role", "button");
  } else {
    element.removeAttribute("tabindex");
    element.removeAttribute("role");
  }
}

/**
 * The box that looks for text in a transcript.
 * @param {Transcript} transcript
 * @param {() => number} now where the playback is, in seconds
 */
export function findBox(transcript, now) {
  const status = el("span", { class: "find-status", role: "status" });
  const input = el("input", { type: "search", id: "find-box", placeholder: "Find in this transcript", autocomplete: "off", spellcheck: "false" });
  const steps = [-1, 1].map((step) =>
    el(
      "button",
      { class: "icon", "aria-label": step < 0 ? "Previous place" : "Next place", disabled: true, onclick: () => show(transcript.findNext(/** @type {1 | -1} */ (step))) },
      step < 0 ? "↑" : "↓",
    ),
  );
  /** @param {{count: number, at: number}} found */
  function show({ count, at }) {
    for (const button of steps) button.disabled = count === 0;
    say(status, input.value.trim() ? (count ? `${at + 1} of ${count}` : "Not said here") : "");
  }
  const element = el(
    "form",
    {
      class: "find",
      role: "search",
      "aria-label": "In this transcript",
      onsubmit: (event) => {
        event.preventDefault();
        transcript.seekToFound();
      },
    },
    el("label", { class: "visually-hidden", for: "find-box" }, "Find in this transcript"),
    input,
    status,
    steps,
  );
  input.addEventListener("input", () => show(transcript.find(input.value, now())));
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      show(transcript.findNext(event.key === "ArrowDown" ? 1 : -1));
    }
  });
  return {
    element,
    /** @param {string} query */
    find(query) {
      input.value = query;
      show(transcript.find(query, now()));
    },
  };
}
