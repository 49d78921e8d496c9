/**
 * Which of a video's files is what, by the names that results have.
 * @module
 */

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
 * All captions, the best first.
 * @param {VideoFile[]} files
 * @param {"vtt" | "srt"} format
 * @returns {Captions[]}
 */
export function captionsOf(files, format) {
  return files
    .flatMap((file) => {
      const groups = CAPTIONS.exec(file.name)?.groups;
      return groups?.format === format ? [{ language: groups.language, kind: groups.kind, format, file }] : [];
    })
    .sort((one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind));
}

/**
 * What can be taken away: captions in both formats, text and data.
 * @param {VideoFile[]} files
 * @returns {{label: string, what: string, file: VideoFile}[]}
 */
export function downloads(files) {
  const [srt] = captionsOf(files, "srt");
  const [vtt] = captionsOf(files, "vtt");
  return [
    { label: "SRT", what: "captions for players and editors", file: srt?.file },
    { label: "VTT", what: "captions for the web", file: vtt?.file },
    { label: "TXT", what: "text", file: fileNamed(files, "transcript.txt") },
    { label: "JSON", what: "every word with its time", file: fileNamed(files, "transcript.json") },
  ].flatMap(({ label, what, file }) => (file ? [{ label, what, file }] : []));
}
