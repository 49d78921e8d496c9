/**
 * Which files are to be uploaded: dropped anywhere on the page, folders too, or picked.
 */

import { byId, el } from "./dom.js";

const MEDIA = /\.(3g2|3gp|aac|aiff?|asf|avi|flac|flv|m2ts|m4a|m4v|mka|mkv|mov|mp2|mp3|mp4|mpe?g|mts|mxf|oga|ogg|ogv|opus|ts|vob|wav|webm|wma|wmv)$/i;

/**
 * A file; or of one in a folder, that it is no media; or that it, or a folder, cannot be read.
 * @typedef {File | "other" | "unreadable"} Found
 *
 * @callback Chosen
 * @param {Found[]} found
 * @returns {void}
 */

/**
 * Take files that are dropped anywhere on the page.
 * @param {Chosen} chosen
 */
export function takeDrops(chosen) {
  const curtain = byId("drop-curtain");
  let depth = 0; // of elements that the pointer is inside of; each sends its own events

  /** @param {DragEvent} event */
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;

  window.addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    curtain.hidden = false;
  });
  window.addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    depth -= 1;
    curtain.hidden = depth <= 0;
  });
  window.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
  });
  window.addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    curtain.hidden = true;
    // Entries have to be taken before the event ends; reading them may take its time.
    const items = [...(event.dataTransfer?.items ?? [])].filter(({ kind }) => kind === "file");
    const entries = items.map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
    chosen((await Promise.all(entries.map(filesOf))).flat());
  });
}

/**
 * Let the user pick files.
 * @param {Chosen} chosen
 */
export function pickFiles(chosen) {
  const input = el("input", { type: "file", multiple: true, onchange: () => chosen([...(input.files ?? [])]) });
  input.click();
}

/**
 * Let the user pick a folder; its media files count, in whatever folders below.
 * @param {Chosen} chosen
 */
export function pickFolder(chosen) {
  const input = el("input", {
    type: "file",
    webkitdirectory: true,
    onchange: () => chosen([...(input.files ?? [])].map(ifMedia)),
  });
  input.click();
}

/**
 * What was dropped. A single file is taken as it is: the server looks at its content.
 * @param {FileSystemEntry | File | null} dropped
 * @returns {Promise<Found[]>}
 */
async function filesOf(dropped) {
  if (dropped instanceof File) return [dropped];
  if (dropped?.isFile) return [await fileOf(/** @type {FileSystemFileEntry} */ (dropped))];
  if (!dropped) return ["unreadable"];
  const inside = (await Array.fromAsync(walk(/** @type {FileSystemDirectoryEntry} */ (dropped)))).map(fileOf);
  return (await Promise.all(inside)).map(ifMedia);
}

/**
 * All files in a folder, null for every folder that cannot be read.
 * @param {FileSystemDirectoryEntry} folder
 * @returns {AsyncGenerator<FileSystemFileEntry | null>}
 */
async function* walk(folder) {
  const reader = folder.createReader();
  for (;;) {
    // A browser gives at most a hundred at a time.
    const entries = await new Promise((resolve) => reader.readEntries(resolve, () => resolve(null)));
    if (!entries) yield null;
    if (!entries?.length) return;
    for (const entry of entries) {
      if (entry.isDirectory) yield* walk(entry);
      else yield entry;
    }
  }
}

/**
 * @param {FileSystemFileEntry | null} entry
 * @returns {Promise<File | "unreadable">}
 */
function fileOf(entry) {
  return new Promise((resolve) => (entry ? entry.file(resolve, () => resolve("unreadable")) : resolve("unreadable")));
}

/**
 * @param {File | "unreadable"} found
 * @returns {Found}
 */
function ifMedia(found) {
  if (found === "unreadable") return found;
  return !found.name.startsWith(".") && MEDIA.test(found.name) ? found : "other";
}
