/**
 * The captions of videos at work, kept for a view or a tab that is opened in the middle.
 */

/** @typedef {import("./stream.js").Live} Live */
/** @typedef {import("./live-words.js").LiveCaption & {video_id: string}} Caption */

const AT_WORK = new Set(["waiting", "working"]);

export class CaptionsSoFar {
  /** @type {Map<string, Map<string, Caption>>} by video, then by revision and piece */
  #videos = new Map();

  /** @param {Live} event */
  take({ type, data }) {
    if (type === "caption") {
      const pieces = this.#videos.get(data.video_id) ?? new Map();
      this.#videos.set(data.video_id, pieces.set(`${data.revision}/${data.index}`, data));
    } else if (type === "snapshot") {
      const atWork = new Set(data.videos.map(({ video_id }) => video_id));
      for (const video_id of this.#videos.keys()) if (!atWork.has(video_id)) this.#videos.delete(video_id);
    } else if (type === "deleted" || (type === "video" && !AT_WORK.has(data.state))) {
      this.#videos.delete(data.video_id);
    }
  }

  /**
   * @param {string} videoId
   * @returns {Caption[]}
   */
  of(videoId) {
    return [...(this.#videos.get(videoId)?.values() ?? [])];
  }

  /** @returns {Caption[]} */
  all() {
    return [...this.#videos.keys()].flatMap((video_id) => this.of(video_id));
  }
}
