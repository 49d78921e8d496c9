/**
 * How far videos at work are, with the pieces that are being transcribed: a bar that moves within a piece.
 */

/** @typedef {import("./stream.js").Live} Live */
/** @typedef {import("./api.js").VideoSummary} VideoSummary */

/**
 * One revision. underWay: what part of a piece is transcribed, by its index. heard: pieces whose words have
 * come. shown: what was told last.
 * @typedef {{underWay: Map<number, number>, heard: Set<number>, shown: number}} Revision
 */

const AT_WORK = new Set(["waiting", "working"]);

export class Pieces {
  /** @type {Map<string, Map<number, Revision>>} by video */
  #videos = new Map();

  /** @param {Live} event */
  take({ type, data }) {
    if (type === "progress" && data.stage === "transcriber" && data.index !== null && data.total) {
      const { underWay, heard } = this.#of(data);
      if (!heard.has(data.index)) underWay.set(data.index, Math.min(1, data.done / data.total));
    } else if (type === "caption") {
      const { underWay, heard } = this.#of(data);
      heard.add(data.index);
      underWay.delete(data.index);
    } else if (type === "snapshot") {
      this.#videos.clear(); // captions may have been missed
    } else if (type === "deleted" || (type === "video" && !AT_WORK.has(data.state))) {
      this.#videos.delete(data.video_id);
    }
  }

  /**
   * What part of a video is transcribed, from 0 to 1; null while its pieces are not counted. It never goes
   * back: words have come a moment before their piece counts as done, and a piece may begin anew.
   * @param {VideoSummary} video
   * @returns {number | null}
   */
  shareOf(video) {
    if (!video.segments) return null;
    const revision = this.#of(video);
    const begun = [...revision.underWay.values()].reduce((sum, part) => sum + part, 0);
    revision.shown = Math.max(revision.shown, Math.min(1, (video.segments_done + begun) / video.segments));
    return revision.shown;
  }

  /**
   * @param {{video_id: string, revision: number}} whose
   * @returns {Revision}
   */
  #of({ video_id, revision }) {
    const revisions = this.#videos.get(video_id) ?? new Map();
    this.#videos.set(video_id, revisions);
    const found = revisions.get(revision) ?? { underWay: new Map(), heard: new Set(), shown: 0 };
    revisions.set(revision, found);
    return found;
  }
}
