/**
 * Live events for this tab: from the connection that all tabs share, or where a browser has no shared
 * workers, from one of its own.
 */

import { EVENTS_URL } from "./api.js";
import { CaptionsSoFar } from "./captions-so-far.js";
import { Pieces } from "./pieces.js";
import { listen } from "./stream.js";

/** @typedef {import("./stream.js").Live} Live */

const bus = new EventTarget();
const captions = new CaptionsSoFar();
const pieces = new Pieces();
/** @type {Set<string>} */
const deleted = new Set();
/** @type {() => void} */
let connect = () => {};

/** Begin to listen; once, at the start. */
export function start() {
  connect = "SharedWorker" in window ? share() : listen(EVENTS_URL, publish);
  window.addEventListener("online", connectNow);
}

/** Connect anew, for all tabs. */
export function connectNow() {
  connect();
}

/**
 * Be told of one kind of event until the signal says stop.
 * @param {Live["type"]} type
 * @param {(data: any) => void} listener
 * @param {AbortSignal} [signal]
 */
export function onLive(type, listener, signal) {
  bus.addEventListener(type, (event) => listener(/** @type {CustomEvent} */ (event).detail), { signal });
}

/**
 * The captions of a video at work that came before somebody looked at it.
 * @param {string} videoId
 */
export function captionsSoFar(videoId) {
  return captions.of(videoId);
}

/**
 * What part of a video at work is transcribed, from 0 to 1; null while that is not known.
 * @param {import("./api.js").VideoSummary} video
 */
export function shareOf(video) {
  return pieces.shareOf(video);
}

/**
 * Whether a video is known to be deleted. A list may still have it for a moment.
 * @param {string} videoId
 */
export function isDeleted(videoId) {
  return deleted.has(videoId);
}

/**
 * Tell this tab that a video was deleted, before the server does.
 * @param {string} videoId
 */
export function tellDeleted(videoId) {
  publish({ type: "deleted", data: { video_id: videoId } });
}

/** @returns {() => void} */
function share() {
  const worker = new SharedWorker("/assets/stream.worker.js", { type: "module", name: "reelay-events" });
  worker.port.addEventListener("message", ({ data }) => publish(data));
  worker.port.start();
  // A page that is kept for "back" gets nothing while it is away.
  window.addEventListener("pagehide", () => worker.port.postMessage("leave"));
  window.addEventListener("pageshow", (event) => event.persisted && worker.port.postMessage("return"));
  return () => worker.port.postMessage("connect");
}

/** @param {Live} event */
function publish(event) {
  captions.take(event);
  pieces.take(event);
  if (event.type === "deleted") deleted.add(event.data.video_id);
  bus.dispatchEvent(new CustomEvent(event.type, { detail: event.data }));
}
