/**
 * Numbers, times and states in words.
 */

/** @typedef {import("./api.js").VideoSummary} VideoSummary */

const counts = new Intl.NumberFormat("en");
const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
/** What Chromium has no names for. @type {Record<string, string>} */
const NAMES = { ba: "Bashkir", bo: "Tibetan" };
const RIGHT_TO_LEFT = new Set(["ar", "arc", "ckb", "dv", "fa", "he", "iw", "ji", "ks", "nqo", "ps", "sd", "syr", "ug", "ur", "yi"]);

/**
 * A position in a video: 0:07, 12:34, 1:02:03.
 * @param {number} time_s
 */
export function clock(time_s) {
  const whole = Math.max(0, Math.floor(time_s));
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = String(seconds).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/**
 * A length of time in words: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min.
 * @param {number} length_s
 */
export function duration(length_s) {
  if (length_s < 10) return `${Math.max(0, length_s).toFixed(1)} s`;
  const whole = Math.round(length_s);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
}

/**
 * A size in decimal units: 820 kB, 1.4 GB.
 * @param {number} size_bytes
 */
export function bytes(size_bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let size = size_bytes;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit && size < 9.95 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/**
 * A number with its noun: 1 word, 30,000 words, 300+ words.
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 * @param {boolean} [atLeast] whether there are more
 */
export function counted(number, one, many = `${one}s`, atLeast = false) {
  return `${counts.format(number)}${atLeast ? "+" : ""} ${number === 1 ? one : many}`;
}

/**
 * A moment, as the reader's own country writes it.
 * @param {string} iso
 */
export function moment(iso) {
  return dates.format(new Date(iso));
}

/**
 * A language's English name, or its tag where it has none.
 * @param {string} tag BCP 47
 */
export function languageName(tag) {
  try {
    return NAMES[tag] ?? new Intl.DisplayNames("en", { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/**
 * Which way a language is written.
 * @param {string | null | undefined} tag BCP 47
 * @returns {"ltr" | "rtl"}
 */
export function direction(tag) {
  const [language, script] = (tag ?? "").split("-");
  if (script && /^(arab|hebr|thaa|syrc|nkoo|adlm)$/i.test(script)) return "rtl";
  if (script && script.length === 4) return "ltr";
  return RIGHT_TO_LEFT.has(language.toLowerCase()) ? "rtl" : "ltr";
}

/**
 * What is known of a video, in one line.
 * @param {VideoSummary} video
 * @param {{withLength: boolean}} which
 */
export function facts(video, { withLength }) {
  return [
    withLength && video.duration_s !== null ? clock(video.duration_s) : null,
    video.word_count ? counted(video.word_count, "word") : null,
    video.language && video.word_count ? languageName(video.language) : null,
    video.size_bytes ? bytes(video.size_bytes) : null,
    video.uploaded_at ? moment(video.uploaded_at) : null,
  ]
    .filter(Boolean)
    .join(" · ");
}

/**
 * What is happening to a video, in a few words.
 * @param {VideoSummary} video
 */
export function stateText(video) {
  switch (video.state) {
    case "waiting":
      return "Waiting for its turn";
    case "completed":
      return video.word_count === 0 ? "Ready: no speech was found" : "Ready";
    case "failed":
      return "Failed";
    case "cancelled":
      return "Cancelled";
    default:
      if (video.segments === null) {
        return video.segments_done ? `Transcribing: ${counted(video.segments_done, "piece")} so far` : "Listening for speech";
      }
      return video.segments_done < video.segments
        ? `Transcribing: ${video.segments_done} of ${counted(video.segments, "piece")}`
        : "Writing the captions";
  }
}
