/**
 * WebVTT captions as data, and back.
 */

/**
 * @typedef {object} Cue
 * @property {number} start_s
 * @property {number} end_s
 * @property {string} settings position and alignment, as they stand in the file
 * @property {string} text
 */

const TIMES = /^((?:\d+:)?\d{2}:\d{2}\.\d{3})[ \t]+-->[ \t]+((?:\d+:)?\d{2}:\d{2}\.\d{3})(.*)$/;

/**
 * The cues of a file; anything else in it is left out.
 * @param {string} webvtt
 * @returns {Cue[]}
 */
export function parseCues(webvtt) {
  const blocks = webvtt.replace(/\r\n?/g, "\n").trimEnd().split(/\n{2,}/);
  return blocks.flatMap((block) => {
    const lines = block.split("\n");
    const at = lines.findIndex((line) => TIMES.test(line));
    if (at < 0 || at > 1) return [];
    const [, start, end, settings] = /** @type {RegExpExecArray} */ (TIMES.exec(lines[at]));
    return [{ start_s: seconds(start), end_s: seconds(end), settings: settings.trim(), text: plain(lines.slice(at + 1).join("\n")) }];
  });
}

/**
 * A file with these cues.
 * @param {Cue[]} cues
 */
export function writeCues(cues) {
  const blocks = cues.map(({ start_s, end_s, settings, text }) => {
    const times = `${stamp(start_s)} --> ${stamp(end_s)}${settings ? ` ${settings}` : ""}`;
    return `${times}\n${escaped(text)}`;
  });
  return `${["WEBVTT", ...blocks].join("\n\n")}\n`;
}

/** @param {string} time */
function seconds(time) {
  return time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** @param {number} time_s */
function stamp(time_s) {
  const whole_ms = Math.round(time_s * 1000);
  const two = (number) => String(number).padStart(2, "0");
  const seconds_ = Math.floor(whole_ms / 1000);
  return `${two(Math.floor(seconds_ / 3600))}:${two(Math.floor(seconds_ / 60) % 60)}:${two(seconds_ % 60)}.${String(whole_ms % 1000).padStart(3, "0")}`;
}

/** @param {string} text */
function plain(text) {
  return text
    .replace(/<[^>]*>/g, "")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&nbsp;/g, "\u00a0")
    .replace(/&amp;/g, "&");
}

/**
 * An empty line would end the cue, and an arrow would be taken for times.
 * @param {string} text
 */
function escaped(text) {
  return text.trim().replace(/\n{2,}/g, "\n").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
