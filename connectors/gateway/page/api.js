/**
 * The HTTP interface: of its data what the page uses, and its calls.
 */

/**
 * @typedef {"waiting" | "working" | "completed" | "failed" | "cancelled"} State
 *
 * @typedef {object} VideoSummary
 * @property {string} video_id
 * @property {number} revision
 * @property {string} name
 * @property {State} state
 * @property {string | null} uploaded_at
 * @property {number | null} size_bytes
 * @property {number | null} duration_s
 * @property {string | null} language BCP 47
 * @property {number | null} word_count
 * @property {number} segments_done
 * @property {number | null} segments null: not known yet
 * @property {string | null} reason why it failed
 * @property {boolean | null} has_picture
 *
 * @typedef {object} VideoFile
 * @property {string} name
 * @property {string} url
 *
 * @typedef {object} StageTime
 * @property {string} stage
 * @property {number | null} index
 * @property {string} queued_at
 * @property {string} began_at
 * @property {string} ended_at
 * @property {number} attempt
 *
 * @typedef {object} Gap
 * @property {number} start_s
 * @property {number} end_s
 * @property {string} reason
 *
 * @typedef {object} VideoFacts
 * @property {number | null} shown_revision
 * @property {{revision: number, language: string | null}[]} revisions
 * @property {VideoFile[]} files
 * @property {Gap[]} gaps
 * @property {string[]} warnings
 * @property {StageTime[]} stages
 * @property {string} source_url
 *
 * @typedef {VideoSummary & VideoFacts} Video
 *
 * @typedef {object} Hit
 * @property {string} video_id
 * @property {string} name
 * @property {string | null} language
 * @property {number} start_s
 * @property {{text: string, hit: boolean}[]} snippet
 */

const BASE = "/api/v1";

const SESSION = "/session";

/** Where tus uploads are made. */
export const UPLOADS_URL = `${BASE}/tus`;

/** The stream of live events. */
export const EVENTS_URL = `${BASE}/events`;

/** The gateway's answer was a refusal. `status` 0: there was no answer. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message one sentence for people
   */
  constructor(status, message) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

/** @type {() => Promise<void>} */
let askForKey;

/**
 * What is done about a session that has ended. Requests wait for it, and are made again.
 * @param {() => Promise<void>} ask resolves once there is another
 */
export function whenSessionEnds(ask) {
  askForKey = ask;
}

/** Resolves once there is a session again, after one has ended. */
export function anotherSession() {
  return askForKey();
}

/**
 * A page of videos, newest upload first.
 * @param {{state?: State | null, cursor?: string | null, limit?: number}} query
 * @param {AbortSignal} [signal]
 * @returns {Promise<{videos: VideoSummary[], next: string | null, total: number}>}
 */
export function listVideos(query, signal) {
  return json(`/videos${parameters(query)}`, { signal });
}

/**
 * @param {string} videoId
 * @param {AbortSignal} [signal]
 * @returns {Promise<Video>}
 */
export function getVideo(videoId, signal) {
  return json(`/videos/${encodeURIComponent(videoId)}`, { signal });
}

/**
 * How long each stage of the shown revision waited and worked: `timeline.json`.
 * @param {string} videoId
 * @param {AbortSignal} [signal]
 */
export function getTimeline(videoId, signal) {
  return json(`/videos/${encodeURIComponent(videoId)}/timeline`, { signal });
}

/**
 * @param {string} videoId
 * @param {"cancel" | "retry"} what
 */
export async function ask(videoId, what) {
  await answer(`/videos/${encodeURIComponent(videoId)}/${what}`, { method: "POST" });
}

/** @param {string} videoId */
export async function deleteVideo(videoId) {
  await answer(`/videos/${encodeURIComponent(videoId)}`, { method: "DELETE" });
}

/**
 * Replace the captions of one language by corrected ones.
 * @param {string} videoId
 * @param {string} language BCP 47
 * @param {string} webvtt
 * @param {number} from the revision whose captions they were; refused if there is a newer one
 * @returns {Promise<{revision: number}>}
 */
export function putCaptions(videoId, language, webvtt, from) {
  return json(`/videos/${encodeURIComponent(videoId)}/captions/${encodeURIComponent(language)}${parameters({ from })}`, {
    method: "PUT",
    headers: { "Content-Type": "text/vtt" },
    body: webvtt,
  });
}

/**
 * @param {{q: string, language?: string | null, since?: string | null, until?: string | null, cursor?: string | null}} query
 * @param {AbortSignal} [signal]
 * @returns {Promise<{hits: Hit[], next: string | null, total: number, at_least: boolean}>}
 */
export function search(query, signal) {
  return json(`/search${parameters(query)}`, { signal });
}

/**
 * Whom the page acts as.
 * @returns {Promise<{keys: boolean, name: string | null, scope: "read" | "write" | null}>}
 */
export function whoAmI() {
  return json(SESSION, {});
}

/**
 * Begin a session of this browser with an API key.
 * @param {string} key
 * @returns {Promise<{scope: "read" | "write"}>}
 */
export function signIn(key) {
  return json(SESSION, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ key }),
  });
}

/** End the session of this browser. */
export async function signOut() {
  await answer(SESSION, { method: "DELETE" });
}

/**
 * The text of one of a video's files.
 * @param {VideoFile} file
 * @param {AbortSignal} [signal]
 */
export async function readFile(file, signal) {
  return (await request(file.url, { signal })).text();
}

/**
 * @param {string} path
 * @param {RequestInit} options
 */
async function json(path, options) {
  return (await answer(path, options)).json();
}

/**
 * @param {string} path
 * @param {RequestInit} options
 */
function answer(path, options) {
  return request(BASE + path, options);
}

/**
 * @param {string} url
 * @param {RequestInit} options
 */
async function request(url, options) {
  let response = await sent(url, options);
  while (response.status === 401 && url !== BASE + SESSION) {
    await anotherSession();
    response = await sent(url, options);
  }
  if (!response.ok) throw new ApiError(response.status, await reason(response));
  return response;
}

/**
 * @param {string} url
 * @param {RequestInit} options
 */
async function sent(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "Reelay cannot be reached. Check that it is running, then try again.");
  }
}

/**
 * What a refusal says (RFC 9457), or its status.
 * @param {Response} response
 */
async function reason(response) {
  try {
    const problem = await response.json();
    return problem.detail || problem.title || response.statusText;
  } catch {
    return `The server answered ${response.status} ${response.statusText}`.trim();
  }
}

/** @param {Record<string, string | number | null | undefined>} query */
function parameters(query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
}
