/**
 * From words with times to text that can be read: paragraphs, positions, searching. Plain functions.
 */

/**
 * @typedef {object} Word
 * @property {number} start_s
 * @property {number} end_s
 * @property {string} text with a leading space where its script writes one
 * @property {string} language BCP 47
 *
 * @typedef {object} Paragraph
 * @property {number} first its first word
 * @property {number} end one after its last word
 * @property {import("./api.js").Gap} [gap] a stretch without words stands here instead
 *
 * @typedef {object} Range
 * @property {number} first
 * @property {number} end
 */

const PAUSE_S = 2;
const FULL_WORDS = 45;
const MOST_WORDS = 130;
const SENTENCE_END = /[.!?…。！？؟۔।]["'”’»)\]]*$/u;

/**
 * The words of a transcript.json.
 * @param {any} transcript
 * @returns {Word[]}
 */
export function wordsOf(transcript) {
  const words = transcript.words.map((word) => ({ ...word, language: transcript.language }));
  for (const sentence of transcript.sentences) {
    for (let index = sentence.first_word; index < sentence.end_word; index++) words[index].language = sentence.language;
  }
  return words;
}

/**
 * Where paragraphs begin: after a long pause, where the language changes, and at the end of a sentence
 * once there is enough to read. Stretches without a transcript stand between them.
 * @param {Word[]} words
 * @param {import("./api.js").Gap[]} gaps
 * @returns {Paragraph[]}
 */
export function paragraphsOf(words, gaps = []) {
  const paragraphs = [];
  const left = [...gaps].sort((one, other) => one.start_s - other.start_s);
  let first = 0;
  for (let index = 0; index < words.length; index++) {
    const gapHere = left.length > 0 && left[0].start_s <= words[index].start_s;
    if (index > first && (gapHere || breaksBefore(words, index, index - first))) {
      paragraphs.push({ first, end: index });
      first = index;
    }
    while (left.length && left[0].start_s <= words[index].start_s) {
      paragraphs.push({ first: index, end: index, gap: left.shift() });
    }
  }
  if (first < words.length) paragraphs.push({ first, end: words.length });
  for (const gap of left) paragraphs.push({ first: words.length, end: words.length, gap });
  return paragraphs;
}

/**
 * @param {Word[]} words
 * @param {number} index
 * @param {number} length words so far
 */
function breaksBefore(words, index, length) {
  const [before, word] = [words[index - 1], words[index]];
  return (
    word.language !== before.language ||
    word.start_s - before.end_s >= PAUSE_S ||
    length >= MOST_WORDS ||
    (length >= FULL_WORDS && SENTENCE_END.test(before.text))
  );
}

/**
 * The word that is heard at a time, or the last one before it; -1 before the first.
 * @param {Word[]} words
 * @param {number} time_s
 */
export function wordAt(words, time_s) {
  let [low, high] = [0, words.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle].start_s <= time_s) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Finds text in words, across paragraphs; accents, case and punctuation at the edges do not matter. */
export class WordIndex {
  #text;
  #starts;

  /** @param {Word[]} words */
  constructor(words) {
    const folded = words.map(({ text }) => fold(text));
    this.#starts = new Int32Array(words.length);
    let position = 0;
    for (const [index, text] of folded.entries()) {
      this.#starts[index] = position;
      position += text.length;
    }
    this.#text = folded.join("");
  }

  /**
   * @param {string} query
   * @returns {Range[]} the words of each place where it is said, in order
   */
  find(query) {
    const sought = fold(query).trim();
    const found = [];
    for (let at = 0; sought; at += sought.length) {
      at = this.#text.indexOf(sought, at);
      if (at < 0) break;
      found.push({ first: this.#wordOf(at), end: this.#wordOf(at + sought.length - 1) + 1 });
    }
    return found;
  }

  /** @param {number} position */
  #wordOf(position) {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle] <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/**
 * Lower case, without accents, any white space as one space.
 * @param {string} text
 */
function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/\s+/gu, " ");
}

/**
 * The words of corrected captions. A word that was there before keeps its own time; new ones share the
 * time between their neighbours.
 * @param {import("./webvtt.js").Cue[]} cues
 * @param {Word[]} before the words as they were recognised
 * @param {string} language BCP 47
 * @returns {Word[]}
 */
export function correctedWords(cues, before, language) {
  return cues.flatMap((cue, number) => {
    const texts = split(cue.text, language);
    const first = wordAt(before, cue.start_s - 0.001) + 1;
    const end = Math.max(first, wordAt(before, cue.end_s - 0.001) + 1);
    const kept = alignment(texts.map(bare), before.slice(first, end).map(({ text }) => bare(text)));
    return timed(texts, kept.map((index) => (index < 0 ? null : before[first + index])), cue).map((word, index) => ({
      ...word,
      text: index === 0 && number > 0 && writesSpaces(language) ? ` ${word.text.trimStart()}` : word.text,
      language,
    }));
  });
}

/**
 * Give each text a time: its own where it has one, else an even share of what lies between.
 * @param {string[]} texts
 * @param {(Word | null)[]} own
 * @param {{start_s: number, end_s: number}} cue
 */
function timed(texts, own, cue) {
  const words = [];
  for (let index = 0; index < texts.length; ) {
    const word = own[index];
    if (word) {
      words.push({ start_s: word.start_s, end_s: word.end_s, text: texts[index] });
      index += 1;
      continue;
    }
    let next = index;
    while (next < texts.length && !own[next]) next += 1;
    const from_s = words.at(-1)?.end_s ?? cue.start_s;
    const share_s = Math.max(0, (own[next]?.start_s ?? cue.end_s) - from_s) / (next - index);
    for (let step = 0; index < next; index++, step++) {
      words.push({ start_s: from_s + step * share_s, end_s: from_s + (step + 1) * share_s, text: texts[index] });
    }
  }
  return words;
}

/**
 * For each text the index of the same one in the other list, or -1: the longest common subsequence.
 * @param {string[]} texts
 * @param {string[]} others
 */
function alignment(texts, others) {
  const lengths = Array.from({ length: texts.length + 1 }, () => new Uint16Array(others.length + 1));
  for (let one = texts.length - 1; one >= 0; one--) {
    for (let other = others.length - 1; other >= 0; other--) {
      lengths[one][other] =
        texts[one] === others[other]
          ? lengths[one + 1][other + 1] + 1
          : Math.max(lengths[one + 1][other], lengths[one][other + 1]);
    }
  }
  const found = texts.map(() => -1);
  for (let one = 0, other = 0; one < texts.length && other < others.length; ) {
    if (texts[one] === others[other]) found[one++] = other++;
    else if (lengths[one + 1][other] >= lengths[one][other + 1]) one++;
    else other++;
  }
  return found;
}

/** @param {string} text */
function bare(text) {
  return fold(text).replace(/[^\p{L}\p{N}]/gu, "");
}

/**
 * @param {string} text
 * @param {string} language
 */
function split(text, language) {
  const line = text.replace(/\s+/gu, " ").trim();
  if (writesSpaces(language)) return line.split(" ").map((word, index) => (index ? ` ${word}` : word)).filter((word) => word.trim());
  return [...new Intl.Segmenter(language, { granularity: "word" }).segment(line)].reduce(
    (words, { segment, isWordLike }) => {
      if (isWordLike || !words.length) words.push(segment);
      else words[words.length - 1] += segment; // punctuation goes with the word before
      return words;
    },
    /** @type {string[]} */ ([]),
  );
}

/** @param {string} language */
function writesSpaces(language) {
  return !/^(zh|ja|th|lo|km|my|yue|bo)\b/i.test(language);
}
