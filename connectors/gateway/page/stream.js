/**
 * The live events: one connection that mends itself. Runs in a page or in a shared worker.
 */

/**
 * @typedef {"connecting" | "open" | "lost"} Status
 *
 * @typedef {{type: "status", data: Status}
 *   | {type: "refused", data: null}
 *   | {type: "snapshot" | "video" | "progress" | "caption" | "deleted", data: any}} Live
 */

const KINDS = /** @type {const} */ (["snapshot", "video", "progress", "caption", "deleted"]);
/** The server says something every 15 s, if only that it is there (`heartbeat`). */
const SILENCE_MS = 35_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/**
 * Listen, for as long as the page or worker lives.
 *
 * A browser connects again by itself, with the last event's id, after a connection broke; after an error
 * answer it gives up, so then this begins anew. So it does after a silence: the server's machine may be gone,
 * or the way to it, without a word.
 *
 * @param {string} url
 * @param {(event: Live) => void} emit
 * @returns {() => void} call it to connect anew at once, for instance because the network is back:
 *   a connection that is still open then may lead nowhere
 */
export function listen(url, emit) {
  /** @type {EventSource} */
  let source;
  let wait_ms = FIRST_WAIT_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let silence;

  function heard() {
    clearTimeout(silence);
    silence = setTimeout(() => {
      emit({ type: "status", data: "lost" });
      connect();
    }, SILENCE_MS);
  }

  function connect() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(url);
    heard();
    source.addEventListener("heartbeat", heard);
    source.addEventListener("open", () => {
      heard();
      wait_ms = FIRST_WAIT_MS;
      emit({ type: "status", data: "open" });
    });
    source.addEventListener("error", () => {
      emit({ type: "status", data: "lost" });
      if (source.readyState === EventSource.CLOSED) {
        clearTimeout(silence);
        emit({ type: "refused", data: null });
        timer = setTimeout(connect, wait_ms);
        wait_ms = Math.min(wait_ms * 2, LONGEST_WAIT_MS);
      }
    });
    for (const type of KINDS) {
      source.addEventListener(type, (event) => {
        heard();
        emit({ type, data: JSON.parse(event.data) });
      });
    }
  }

  connect();
  return connect;
}
