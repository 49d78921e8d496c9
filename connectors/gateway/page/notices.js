/**
 * What the page tells people outside its views: polite announcements, and whether the connection holds.
 */

import { byId, el, fill } from "./dom.js";
import { onLive } from "./live.js";

const GRACE_MS = 1500;

/**
 * Have a screen reader say something when it has time.
 * @param {string} text
 */
export function announce(text) {
  const announcer = byId("announcer");
  // The same words twice in a row would not be heard again.
  announcer.textContent = announcer.textContent === text ? `${text}\u00a0` : text;
}

/**
 * Say what became of a video.
 * @param {import("./api.js").VideoSummary} video
 */
export function announceEnd({ state, name, reason }) {
  if (state === "completed") announce(`${name} is ready.`);
  if (state === "failed") announce(`${name} failed: ${reason ?? ""}`);
}

/**
 * An error, with what can be done, for the place where it happened.
 * @param {unknown} error
 * @param {{label: string, action: () => void}} [way] a way on
 */
export function errorNotice(error, way) {
  const text = error instanceof Error ? error.message : String(error);
  return el(
    "div",
    { class: "notice is-error", role: "alert" },
    el("p", {}, text),
    way && el("button", { onclick: way.action }, way.label),
  );
}

/** Show while the connection is lost, and say when it is back. */
export function watchConnection() {
  const bar = byId("connection");
  let shown = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /**
   * @param {number} wait_ms
   * @param {() => void} action
   */
  function later(wait_ms, action) {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = undefined;
      action();
    }, wait_ms);
  }

  onLive("status", (status) => {
    if (status === "lost" && !shown && timer === undefined) {
      // A short break, as when the server restarts behind a proxy, is not worth a word.
      later(GRACE_MS, () => {
        shown = true;
        bar.className = "connection is-lost";
        fill(
          bar,
          el("p", {}, el("strong", {}, "The connection to Reelay is lost."), " What you see may be old. Once it is back, uploads go on and the page catches up."),
        );
      });
    } else if (status === "open") {
      clearTimeout(timer);
      timer = undefined;
      if (!shown) return;
      shown = false;
      bar.className = "connection is-back";
      fill(bar, el("p", {}, "Connected again. The page is up to date."));
      later(5000, () => {
        bar.className = "connection";
        fill(bar);
      });
    }
  });
}
