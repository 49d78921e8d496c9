/**
 * The live events: one connection that mends itself. Runs in a page or in a shared worker.
 * @module
 */

/**
 * @typedef {"connecting" | "open" | "lost"} Status
 *
 * @typedef {{type: "status", data: Status}
 *   | {type: "snapshot" | "video" | "progress" | "caption" | "deleted", data: any}} Live
 */

const KINDS = /** @type {const} */ (["snapshot", "video", "progress", "caption", "deleted"]);
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/**
 * Listen, for as long as the page or worker lives.
 *
 * A browser connects again by itself, with the last event's id, after a connection broke; after an error
 * answer it gives up, so then this begins anew.
 *
 * @param {string} url
 * @param {(event: Live) => void} emit
 * @returns {() => void} call it to connect at once, for instance because the network is back
 */
export function listen(url, emit) {
  /** @type {EventSource} */
  let source;
  let wait_ms = FIRST_WAIT_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  function connect() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(url);
    source.addEventListener("open", () => {
      wait_ms = FIRST_WAIT_MS;
      emit({ type: "status", data: "open" });
    });
    source.addEventListener("error", () => {
      emit({ type: "status", data: "lost" });
      if (source.readyState === EventSource.CLOSED) {
        timer = setTimeout(connect, wait_ms);
        wait_ms = Math.min(wait_ms * 2, LONGEST_WAIT_MS);
      }
    });
    for (const type of KINDS) {
      source.addEventListener(type, (event) => emit({ type, data: JSON.parse(event.data) }));
    }
  }

  connect();
  return () => {
    if (source.readyState !== EventSource.OPEN) connect();
  };
}
