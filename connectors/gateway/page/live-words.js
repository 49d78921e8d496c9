/**
 * Words of one video as they are transcribed: pieces come in any order, and some twice.
 */

/** @typedef {import("./reading.js").Word} Word */

/**
 * @typedef {object} LiveCaption
 * @property {number} revision
 * @property {number} index which piece of the sound
 * @property {string} language BCP 47
 * @property {[number, number, string][]} words start, end, text
 */

export class LiveWords {
  /** @type {Map<number, Map<number, Word[]>>} by revision, then by piece */
  #pieces = new Map();

  /**
   * @param {LiveCaption} caption
   * @returns {Word[]} the words that are new
   */
  add({ revision, index, language, words }) {
    const pieces = this.#pieces.get(revision) ?? new Map();
    this.#pieces.set(revision, pieces);
    if (pieces.has(index)) return [];
    const fresh = words.map(([start_s, end_s, text]) => ({ start_s, end_s, text, language }));
    pieces.set(index, fresh);
    return fresh;
  }

  /**
   * All words of a revision so far, in the order in which they are said.
   * @param {number} revision
   * @returns {Word[]}
   */
  of(revision) {
    const pieces = this.#pieces.get(revision) ?? new Map();
    return [...pieces.keys()].sort((one, other) => one - other).flatMap((index) => pieces.get(index) ?? []);
  }
}
