/**
 * Which of a video's files is what, by the names that results have.
 */

import { languageName } from "./text.js";

/** @typedef {import("./api.js").Video} Video */
/** @typedef {import("./api.js").VideoFile} VideoFile */

const CAPTIONS = /^captions\.(?<language>[^.]+)\.(?<kind>transcribed|translated|embedded|corrected)\.(?<format>vtt|srt)$/;
/** People's captions go before a machine's. */
const KINDS = ["corrected", "transcribed", "translated", "embedded"];

/**
 * @typedef {object} Captions
 * @property {string} language BCP 47
 * @property {string} kind
 * @property {string} format
 * @property {VideoFile} file
 */

/**
 * @param {VideoFile[]} files
 * @param {string} name
 */
export function fileNamed(files, name) {
  return files.find((file) => file.name === name) ?? null;
}

/**
 * The best captions of each language. What is said comes first, before what it was translated to.
 * @param {Video} video
 * @param {"vtt" | "srt"} format
 * @returns {Captions[]}
 */
export function captionsOf(video, format) {
  const spoken = languageOf(video);
  /** @type {Map<string, Captions>} */
  const best = new Map();
  const all = video.files.flatMap((file) => {
    const groups = CAPTIONS.exec(file.name)?.groups;
    return groups?.format === format ? [{ language: groups.language, kind: groups.kind, format, file }] : [];
  });
  for (const captions of all.sort((one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind))) {
    if (!best.has(captions.language)) best.set(captions.language, captions);
  }
  return [...best.values()].sort((one, other) => Number(other.language === spoken) - Number(one.language === spoken));
}

/**
 * What can be taken away: captions in both formats, text and data.
 * @param {Video} video
 * @returns {{label: string, what: string, file: VideoFile}[]}
 */
export function downloads(video) {
  const [srt, vtt] = [captionsOf(video, "srt"), captionsOf(video, "vtt")];
  const uncorrected = vtt[0]?.kind === "corrected" ? ", without corrections" : "";
  /** @param {string} language */
  const captions = (language) => (vtt.length > 1 ? `${languageName(language)} captions` : "captions");
  return [
    ...vtt.flatMap(({ language, file }) => [
      { label: "SRT", what: `${captions(language)} for players and editors`, file: srt.find((each) => each.language === language)?.file },
      { label: "VTT", what: `${captions(language)} for the web`, file },
    ]),
    { label: "TXT", what: `text${uncorrected}`, file: fileNamed(video.files, "transcript.txt") },
    { label: "JSON", what: `every word with its time${uncorrected}`, file: fileNamed(video.files, "transcript.json") },
  ].flatMap(({ label, what, file }) => (file ? [{ label, what, file }] : []));
}

/**
 * What is spoken in the revision that is shown; a newer one may have another.
 * @param {Video} video
 */
function languageOf({ revisions, shown_revision, language }) {
  return revisions.find(({ revision }) => revision === shown_revision)?.language ?? language;
}
