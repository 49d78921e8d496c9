/**
 * Correcting captions in place: Enter or a click opens one, Enter keeps it, Escape leaves it as it was;
 * saving sends all of them.
 */

import { el, fill, say } from "./dom.js";
import { clock, counted, direction } from "./text.js";
import { announce, errorNotice } from "./notices.js";

/** @typedef {import("./webvtt.js").Cue} Cue */

export class Corrections {
  #cues;
  #texts;
  #language;
  #on;
  #cursor = 0;
  #heard = -1;
  /** @type {HTMLElement[]} */
  #rows;

  #status = el("p", { class: "corrections-status", role: "status" });
  #trouble = el("div");
  #save = el("button", { class: "primary", disabled: true, onclick: () => this.#send() }, "Save corrections");

  /**
   * @param {Cue[]} cues
   * @param {string} language BCP 47
   * @param {{seek: (time_s: number) => void, save: (cues: Cue[]) => Promise<void>, close: () => void}} on
   */
  constructor(cues, language, on) {
    this.#cues = cues;
    this.#texts = cues.map(({ text }) => text);
    this.#language = language;
    this.#on = on;
    this.#rows = cues.map((cue, number) => this.#row(cue, number));
    const list = el("ol", { class: "cues", "aria-label": "Captions", "aria-describedby": "cues-hint" }, this.#rows);
    list.addEventListener("keydown", (event) => this.#pressed(event));
    list.addEventListener("focusin", (event) => this.#arrived(event));
    this.element = el(
      "div",
      { class: "corrections" },
      el("p", { id: "cues-hint", class: "hint" }, "Choose a caption to correct it. Enter keeps the change, Escape drops it, Shift and Enter begin a new line."),
      list,
      this.#trouble,
      el(
        "div",
        { class: "corrections-bar" },
        this.#status,
        el("button", { onclick: () => this.#leave() }, "Close"),
        this.#save,
      ),
    );
    this.#count();
  }

  /** What to ask before they are left; null: nothing would be lost. What is being typed is kept. */
  objection() {
    /** @type {HTMLElement | null} */ (this.element.querySelector(".cue-edit"))?.blur();
    return this.#changed ? `Leave without saving ${counted(this.#changed, "changed caption")}?` : null;
  }

  /** How many captions differ from what is saved. */
  get #changed() {
    return this.#texts.filter((text, number) => text !== this.#cues[number].text).length;
  }

  /** Put the focus on the caption of a time. @param {number} time_s */
  focus(time_s = 0) {
    const number = Math.max(0, this.#cues.findIndex(({ end_s }) => end_s > time_s));
    this.#moveTo(number);
  }

  /**
   * The playback has come to a time.
   * @param {number} time_s
   */
  at(time_s) {
    const number = this.#cues.findIndex(({ start_s, end_s }) => start_s <= time_s && time_s < end_s);
    if (number === this.#heard) return;
    this.#rows[this.#heard]?.classList.remove("is-heard");
    this.#heard = number;
    this.#rows[number]?.classList.add("is-heard");
  }

  /**
   * @param {Cue} cue
   * @param {number} number
   */
  #row(cue, number) {
    return el(
      "li",
      { class: "cue", "data-number": number },
      el("button", { class: "cue-time", tabindex: -1, "aria-label": `Play from ${clock(cue.start_s)}`, onclick: () => this.#on.seek(cue.start_s) }, clock(cue.start_s)),
      this.#shown(number),
    );
  }

  /** @param {number} number */
  #shown(number) {
    return el(
      "button",
      {
        class: "cue-text",
        lang: this.#language,
        dir: direction(this.#language),
        tabindex: number === this.#cursor ? 0 : -1,
        onclick: () => this.#edit(number),
      },
      this.#texts[number],
    );
  }

  /** @param {number} number */
  #edit(number) {
    const row = this.#rows[number];
    const box = el("textarea", {
      class: "cue-edit",
      rows: Math.max(2, this.#texts[number].split("\n").length),
      lang: this.#language,
      dir: direction(this.#language),
      "aria-label": `Caption at ${clock(this.#cues[number].start_s)}`,
    });
    box.value = this.#texts[number];
    row.lastElementChild?.replaceWith(box);
    this.#on.seek(this.#cues[number].start_s);

    let open = true;
    /** @param {boolean} keep @param {boolean} focus */
    const close = (keep, focus) => {
      if (!open) return; // taking the box away takes its focus, which would close it again
      open = false;
      // A caption without text would be no caption; what was there stays.
      if (keep && box.value.trim()) this.#texts[number] = box.value.trim();
      const shown = this.#shown(number);
      box.replaceWith(shown);
      row.classList.toggle("is-changed", this.#texts[number] !== this.#cues[number].text);
      this.#count();
      if (focus) shown.focus();
    };
    box.addEventListener("blur", () => close(true, false));
    box.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") close(false, true);
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        close(true, true);
      }
    });
    box.focus();
    box.select();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    /** @type {Record<string, number>} */
    const moves = { ArrowDown: this.#cursor + 1, ArrowUp: this.#cursor - 1, Home: 0, End: this.#rows.length - 1 };
    if (!Object.hasOwn(moves, event.key)) return;
    event.preventDefault();
    this.#moveTo(Math.min(this.#rows.length - 1, Math.max(0, moves[event.key])));
  }

  /** @param {FocusEvent} event */
  #arrived(event) {
    const row = /** @type {HTMLElement} */ (event.target).closest("li");
    if (row) this.#setCursor(Number(row.dataset.number));
  }

  /** @param {number} number */
  #moveTo(number) {
    this.#setCursor(number);
    /** @type {HTMLElement | null} */ (this.#rows[number]?.querySelector(".cue-text, .cue-edit"))?.focus();
  }

  /** @param {number} number */
  #setCursor(number) {
    this.#rows[this.#cursor]?.querySelector(".cue-text")?.setAttribute("tabindex", "-1");
    this.#cursor = number;
    this.#rows[number]?.querySelector(".cue-text")?.setAttribute("tabindex", "0");
  }

  #count() {
    const changed = this.#changed;
    this.#save.disabled = changed === 0;
    say(this.#status, changed ? `${counted(changed, "caption")} changed` : "Nothing changed yet");
  }

  async #send() {
    this.#save.disabled = true;
    fill(this.#trouble);
    try {
      await this.#on.save(this.#cues.map((cue, number) => ({ ...cue, text: this.#texts[number] })));
      announce("The corrections are saved.");
    } catch (error) {
      fill(this.#trouble, errorNotice(error));
      this.#save.disabled = false;
      this.#save.focus();
    }
  }

  #leave() {
    const objection = this.objection();
    if (objection === null || window.confirm(objection)) this.#on.close();
  }
}
