/**
 * A video's way through the system: one bar for each stage and segment, waiting light, working dark.
 */

import { el } from "./dom.js";
import { counted, duration } from "./text.js";

/** @typedef {import("./api.js").StageTime} StageTime */

/** @type {Record<string, string>} */
const STAGE_NAMES = {
  converter: "Take out the sound",
  transcriber: "Write down the words",
  enricher: "Find sentences",
  aggregator: "Put it together",
  renderer: "Make web video",
};

/**
 * @param {StageTime[]} stages in any order
 * @param {string | null} uploaded_at
 * @returns {HTMLElement | null} null where there is nothing to show yet
 */
export function timeline(stages, uploaded_at) {
  const work = merged(stages);
  if (!work.length) return null;
  const zero = Math.min(...work.map(({ queued }) => queued), uploaded_at ? Date.parse(uploaded_at) : Infinity);
  const whole_ms = Math.max(1, Math.max(...work.map(({ ended }) => ended)) - zero);
  const waited_s = work.reduce((sum, { queued, began }) => sum + (began - queued), 0) / 1000;
  const worked_s = work.reduce((sum, { began, ended }) => sum + (ended - began), 0) / 1000;

  const rows = work.map(({ stage, index, queued, began, ended, attempt }, number) => {
    const isFirst = work[number - 1]?.stage !== stage;
    return el(
      "tr",
      { class: isFirst ? "is-first" : null },
      el("th", { scope: "row" }, el("span", { class: isFirst ? null : "visually-hidden" }, STAGE_NAMES[stage] ?? stage), index === null ? null : el("span", { class: "piece" }, ` ${index + 1}`)),
      el(
        "td",
        { class: "bar-cell" },
        el(
          "div",
          { class: "bar", "aria-hidden": "true" },
          stretch("bar-wait", (queued - zero) / whole_ms, (began - queued) / whole_ms),
          stretch("bar-work", (began - zero) / whole_ms, (ended - began) / whole_ms),
        ),
      ),
      el("td", { class: "number" }, duration((began - queued) / 1000)),
      el("td", { class: "number" }, duration((ended - began) / 1000), attempt > 1 ? ` (attempt ${attempt})` : null),
    );
  });

  return el(
    "details",
    { class: "timeline" },
    el(
      "summary",
      {},
      el("span", { class: "summary-title" }, "Its way through the system"),
      el("span", { class: "summary-facts" }, `${duration(whole_ms / 1000)} in all · worked ${duration(worked_s)}, waited ${duration(waited_s)} over ${counted(rows.length, "step")}`),
    ),
    el(
      "div",
      { class: "timeline-box", tabindex: 0, role: "region", "aria-label": "Times of all steps" },
      el(
        "table",
        {},
        el("caption", { class: "visually-hidden" }, "How long each stage waited and worked"),
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            el("th", { scope: "col" }, "Step"),
            el("th", { scope: "col", class: "bar-cell" }, el("span", { class: "legend is-wait" }, "waiting"), el("span", { class: "legend" }, "working")),
            el("th", { scope: "col", class: "number" }, "Waited"),
            el("th", { scope: "col", class: "number" }, "Worked"),
          ),
        ),
        el("tbody", {}, rows),
      ),
    ),
  );
}

/**
 * A part of a bar.
 * @param {string} kind
 * @param {number} from where it begins, 0 to 1
 * @param {number} share how long it is, 0 to 1
 */
function stretch(kind, from, share) {
  const element = el("span", { class: kind });
  element.style.insetInlineStart = `${from * 100}%`;
  element.style.width = `${share * 100}%`;
  return element;
}

/**
 * One entry for each stage and piece, in the order in which stages begin. A stage that yields several
 * events has the same beginning in each of them: the longest stands for all.
 * @param {StageTime[]} stages
 */
function merged(stages) {
  /** @type {Map<string, {stage: string, index: number | null, queued: number, began: number, ended: number, attempt: number}>} */
  const found = new Map();
  for (const { stage, index, queued_at, began_at, ended_at, attempt } of stages) {
    const key = `${stage}/${index}`;
    const [queued, began, ended] = [queued_at, began_at, ended_at].map((time) => Date.parse(time));
    const before = found.get(key);
    if (before && before.ended >= ended) continue;
    found.set(key, { stage, index, queued, began, ended, attempt });
  }
  const order = Object.keys(STAGE_NAMES);
  return [...found.values()].sort(
    (one, other) => order.indexOf(one.stage) - order.indexOf(other.stage) || (one.index ?? -1) - (other.index ?? -1),
  );
}
