/**
 * The list of uploads above every view: what is sent, how fast, and what each file became.
 */

import { byId, el, say } from "./dom.js";
import { announce } from "./notices.js";
import { videoAddress } from "./router.js";
import { bytes, counted, duration } from "./text.js";

/** @typedef {import("./uploading.js").Upload} Upload */
/** @typedef {import("./uploading.js").UploadQueue} UploadQueue */

/**
 * Show a queue for as long as the page lives.
 * @param {UploadQueue} queue
 */
export function showUploads(queue) {
  const panel = byId("uploads");
  const list = byId("upload-list");
  /** @type {Map<number, Row>} */
  const rows = new Map();

  queue.addEventListener("change", () => {
    const uploads = new Map(queue.uploads.map((upload) => [upload.number, upload]));
    for (const [number, row] of rows) {
      if (uploads.has(number)) continue;
      row.element.remove();
      rows.delete(number);
    }
    for (const upload of uploads.values()) {
      if (rows.has(upload.number)) continue;
      const row = new Row(upload, queue);
      rows.set(upload.number, row);
      list.append(row.element);
    }
    panel.hidden = uploads.size === 0;
    const refused = queue.uploads.filter(({ state }) => state === "refused").length;
    say(byId("uploads-title"), refused ? `Uploads: ${refused} refused` : "Uploads");
    if (panel.hidden) say(byId("upload-note"), "");
    for (const row of rows.values()) row.show();
  });
  queue.addEventListener("progress", (event) => rows.get(/** @type {CustomEvent<Upload>} */ (event).detail.number)?.show());
  queue.addEventListener("arrived", (event) => announce(`${/** @type {CustomEvent<Upload>} */ (event).detail.file.name} is uploaded.`));
  queue.addEventListener("refused", (event) => {
    const { file, reason } = /** @type {CustomEvent<Upload>} */ (event).detail;
    announce(`${file.name} was not uploaded: ${reason}`);
  });
  window.addEventListener("beforeunload", (event) => {
    if (queue.unfinished) event.preventDefault();
  });
}

/** One upload. Its elements stay, so that focus does. */
class Row {
  #upload;
  #text = el("p", { class: "upload-text" });
  #bar;
  #toggle;
  #remove;
  #link;

  /**
   * @param {Upload} upload
   * @param {UploadQueue} queue
   */
  constructor(upload, queue) {
    const name = upload.file.name;
    this.#upload = upload;
    this.#bar = el("progress", { max: Math.max(1, upload.file.size), value: 0, "aria-label": `Upload of ${name}` });
    this.#toggle = el("button", { onclick: () => (mayResume(upload) ? queue.resume(upload) : queue.pause(upload)) });
    this.#remove = el("button", {
      onclick: () => {
        queue.remove(upload);
        byId("add-files").focus();
      },
    });
    this.#link = el("a", { class: "button", hidden: true }, "Open", el("span", { class: "visually-hidden" }, ` ${name}`));
    this.element = el(
      "li",
      { class: "upload" },
      el("p", { class: "upload-name", dir: "auto" }, name),
      this.#bar,
      this.#text,
      el("div", { class: "upload-actions" }, this.#link, this.#toggle, this.#remove),
    );
  }

  show() {
    const { state, sent_bytes, video_id, file } = this.#upload;
    this.element.dataset.state = state;
    this.#bar.value = sent_bytes;
    this.#bar.hidden = state === "done" || state === "refused";
    say(this.#text, uploadText(this.#upload));
    const action = state === "refused" ? "Try again" : mayResume(this.#upload) ? "Resume" : "Pause";
    label(this.#toggle, action, file.name);
    label(this.#remove, state === "done" || state === "refused" ? "Dismiss" : "Cancel", file.name);
    this.#link.hidden = !video_id;
    if (video_id) this.#link.href = videoAddress(video_id);
    const hadFocus = document.activeElement === this.#toggle;
    this.#toggle.hidden = state === "done";
    if (hadFocus && this.#toggle.hidden) this.#link.focus();
  }
}

/** @param {Upload} upload */
function mayResume({ state }) {
  return state === "paused" || state === "refused";
}

/**
 * @param {HTMLButtonElement} button
 * @param {string} text
 * @param {string} name
 */
function label(button, text, name) {
  say(button, text);
  button.setAttribute("aria-label", `${text}: ${name}`);
}

/** @param {Upload} upload */
function uploadText({ state, sent_bytes, speed_bps, file, reason }) {
  const part = `${bytes(sent_bytes)} of ${bytes(file.size)}`;
  switch (state) {
    case "queued":
      return `${bytes(file.size)} · waits for the others`;
    case "paused":
      return `${part} · paused`;
    case "interrupted":
      return `${part} · interrupted; it goes on by itself`;
    case "done":
      return `${bytes(file.size)} · uploaded`;
    case "refused":
      return reason ?? "";
    default: {
      if (!speed_bps) return part;
      const left_s = (file.size - sent_bytes) / speed_bps;
      return `${part} · ${bytes(speed_bps)}/s · ${duration(Math.ceil(left_s))} left`;
    }
  }
}

/**
 * Say how many files are on their way, and how many are not.
 * @param {import("./choosing.js").Found[]} found
 */
export function announceChoice(found) {
  const others = found.filter((each) => each === "other").length;
  const unreadable = found.filter((each) => each === "unreadable").length;
  const left_out = [
    others && `${counted(others, "file")} left out: neither video nor sound.`,
    unreadable && `${counted(unreadable, "file or folder", "files or folders")} could not be read.`,
  ].filter(Boolean).join(" ");
  say(byId("upload-note"), left_out);
  if (left_out) byId("uploads").hidden = false;
  announce(`${counted(found.length - others - unreadable, "file")} added. ${left_out}`.trim());
}
