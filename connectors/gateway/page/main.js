/**
 * Where the page starts.
 * @module
 */

import { whoAmI } from "./api.js";
import { pickFiles, pickFolder, takeDrops } from "./choosing.js";
import { byId, fill } from "./dom.js";
import { listView } from "./list.js";
import { start as startLive } from "./live.js";
import { errorNotice, watchConnection } from "./notices.js";
import { startRouter } from "./router.js";
import { searchView, takeSearches } from "./search.js";
import { askForKey } from "./sign-in.js";
import { announceChoice, showUploads } from "./upload-panel.js";
import { UploadQueue } from "./uploading.js";
import { videoView } from "./video.js";

const queue = new UploadQueue();

/** @type {import("./choosing.js").Chosen} */
function upload(files, left_out) {
  queue.add(files);
  announceChoice(files.length, left_out);
}

const main = byId("main");
showUploads(queue);
takeDrops(upload); // at once: a browser would leave the page for a file that nobody takes
document.body.dataset.scope = await scopeHere();

byId("add-files").addEventListener("click", () => pickFiles(upload));
byId("add-folder").addEventListener("click", () => pickFolder(upload));
takeSearches();
watchConnection();
startLive();
startRouter(main, [
  { pattern: /^\/$/, view: listView(upload) },
  { pattern: /^\/videos\/([^/]+)$/, view: videoView },
  { pattern: /^\/search$/, view: searchView },
]);

/** What whoever looks at the page may do; asks for a key where one is needed. */
async function scopeHere() {
  for (;;) {
    try {
      return (await whoAmI()).scope ?? (await askForKey(main));
    } catch (error) {
      await new Promise((resolve) => fill(main, errorNotice(error, { label: "Try again", action: () => resolve(null) })));
    }
  }
}
