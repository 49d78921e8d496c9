/**
 * The queue of uploads: a few at once, each resumable (tus 1.0), by pause and resume, after a lost
 * connection, and when the same file is chosen again after the browser was closed.
 */

import { anotherSession, UPLOADS_URL } from "./api.js";

/**
 * @typedef {"queued" | "sending" | "paused" | "interrupted" | "done" | "refused"} UploadState
 *
 * @typedef {object} Upload
 * @property {number} number
 * @property {File} file
 * @property {UploadState} state
 * @property {number} sent_bytes
 * @property {number} speed_bps bytes a second, lately
 * @property {string | null} video_id known when it is done
 * @property {string | null} reason why it was refused
 */

const AT_ONCE = 2;
/** For a day, as long as the server keeps what it has. */
const RETRY_DELAYS_MS = [0, 1000, 3000, ...Array(17_280).fill(5000)];
/** How much of the speed shown is the newest measurement. */
const SPEED_WEIGHT = 0.3;
const SPEED_EVERY_MS = 500;
const TRY_AGAIN = new Set([0, 408, 409, 423, 429]);

export class UploadQueue extends EventTarget {
  /** @type {Map<number, Upload>} */
  #uploads = new Map();
  /** @type {Map<number, any>} the tus client's side of each; null while it is made */
  #transfers = new Map();
  #made = 0;

  /** All uploads that were added and not removed. */
  get uploads() {
    return [...this.#uploads.values()];
  }

  /** How many would be lost or interrupted if the page were closed now. */
  get unfinished() {
    return this.uploads.filter(({ state }) => state !== "done" && state !== "refused").length;
  }

  /** @param {File[]} files */
  add(files) {
    for (const file of files) {
      this.#made += 1;
      this.#uploads.set(this.#made, {
        number: this.#made,
        file,
        state: "queued",
        sent_bytes: 0,
        speed_bps: 0,
        video_id: null,
        reason: null,
      });
    }
    this.#advance();
  }

  /** @param {Upload} upload */
  pause(upload) {
    this.#transfers.get(upload.number)?.abort();
    this.#change(upload, { state: "paused", speed_bps: 0 });
    this.#advance();
  }

  /** @param {Upload} upload */
  resume(upload) {
    this.#change(upload, { state: "queued", reason: null });
    this.#advance();
  }

  /**
   * Take it off the list; what the server has of it is thrown away.
   * @param {Upload} upload
   */
  remove(upload) {
    const transfer = this.#transfers.get(upload.number);
    // If the server cannot be told, its own clean-up removes the rest in time.
    if (upload.state !== "done") transfer?.abort(true).catch(() => {});
    this.#transfers.delete(upload.number);
    this.#uploads.delete(upload.number);
    this.#advance();
  }

  #advance() {
    const busy = this.uploads.filter(({ state }) => state === "sending" || state === "interrupted").length;
    for (const upload of this.uploads.filter(({ state }) => state === "queued").slice(0, Math.max(0, AT_ONCE - busy))) {
      this.#change(upload, { state: "sending" });
      this.#send(upload);
    }
    this.dispatchEvent(new Event("change"));
  }

  /** @param {Upload} upload */
  async #send(upload) {
    if (this.#transfers.has(upload.number)) {
      this.#transfers.get(upload.number)?.start();
      return;
    }
    this.#transfers.set(upload.number, null);
    try {
      const transfer = await this.#transferOf(upload);
      if (!this.#uploads.has(upload.number)) return; // removed in the meantime
      this.#transfers.set(upload.number, transfer);
      if (upload.state === "sending") transfer.start();
    } catch {
      this.#transfers.delete(upload.number);
      if (this.#uploads.has(upload.number)) this.#refuse(upload, "Sending it could not begin. Choose the file again.");
    }
  }

  /** @param {Upload} upload */
  async #transferOf(upload) {
    const { Upload: Transfer } = await tusClient();
    const speed = new Speed();
    const transfer = new Transfer(upload.file, {
      endpoint: UPLOADS_URL,
      metadata: { filename: upload.file.name },
      retryDelays: RETRY_DELAYS_MS,
      removeFingerprintOnSuccess: true,
      onShouldRetry: (error) => {
        const again = worthAnotherTry(error);
        if (again) this.#change(upload, { state: "interrupted", speed_bps: 0 });
        return again;
      },
      onProgress: (sent_bytes) => {
        if (upload.state === "paused") return; // the last one may come after the pause
        this.#change(upload, { state: "sending", sent_bytes, speed_bps: speed.after(sent_bytes) });
      },
      onSuccess: ({ lastResponse }) => {
        const video_id = lastResponse.getHeader("X-Reelay-Video");
        this.#change(upload, { state: "done", sent_bytes: upload.file.size, speed_bps: 0, video_id });
        this.dispatchEvent(new CustomEvent("arrived", { detail: upload }));
        this.#advance();
      },
      onError: async (error) => {
        if (statusOf(error) !== 401) {
          this.#refuse(upload, refusal(error));
          return;
        }
        // Trying before would only lose what the server has: the client begins anew where it may not ask.
        this.#change(upload, { state: "interrupted", speed_bps: 0 });
        await anotherSession();
        if (upload.state !== "interrupted" || !this.#uploads.has(upload.number)) return;
        this.#change(upload, { state: "sending" });
        transfer.start();
      },
    });
    const [earlier] = await transfer.findPreviousUploads();
    if (earlier) transfer.resumeFromPreviousUpload(earlier);
    return transfer;
  }

  /**
   * @param {Upload} upload
   * @param {string} reason
   */
  #refuse(upload, reason) {
    this.#change(upload, { state: "refused", speed_bps: 0, reason });
    this.dispatchEvent(new CustomEvent("refused", { detail: upload }));
    this.#advance();
  }

  /**
   * @param {Upload} upload
   * @param {Partial<Upload>} facts
   */
  #change(upload, facts) {
    Object.assign(upload, facts);
    this.dispatchEvent(new CustomEvent("progress", { detail: upload }));
  }
}

/** How fast bytes go, smoothed so that it can be read. */
class Speed {
  #at_ms = performance.now();
  #sent = /** @type {number | null} */ (null);
  #speed_bps = 0;

  /** @param {number} sent_bytes */
  after(sent_bytes) {
    const now_ms = performance.now();
    const passed_ms = now_ms - this.#at_ms;
    if (this.#sent === null || sent_bytes < this.#sent) {
      [this.#at_ms, this.#sent] = [now_ms, sent_bytes];
    } else if (passed_ms >= SPEED_EVERY_MS) {
      const newest = ((sent_bytes - this.#sent) * 1000) / passed_ms;
      this.#speed_bps = this.#speed_bps ? this.#speed_bps + SPEED_WEIGHT * (newest - this.#speed_bps) : newest;
      [this.#at_ms, this.#sent] = [now_ms, sent_bytes];
    }
    return this.#speed_bps;
  }
}

/** The tus client, loaded with the first upload. It is a classic script, which leaves a global behind. */
async function tusClient() {
  await import("./vendor/tus-js-client/tus.min.js");
  return /** @type {any} */ (globalThis).tus;
}

/** @param {any} error */
function worthAnotherTry(error) {
  const status = statusOf(error);
  return TRY_AGAIN.has(status) || status >= 500;
}

/**
 * 0: there was no answer.
 * @param {any} error
 * @returns {number}
 */
function statusOf(error) {
  return error.originalResponse?.getStatus() ?? 0;
}

/**
 * What the server said, in its own sentence.
 * @param {any} error
 */
function refusal(error) {
  try {
    const problem = JSON.parse(error.originalResponse.getBody());
    return problem.detail || problem.title;
  } catch {
    return "The server did not take this file.";
  }
}
