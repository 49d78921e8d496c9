/**
 * Where the page starts.
 */

import { pickFiles, pickFolder, takeDrops } from "./choosing.js";
import { byId } from "./dom.js";
import { listView } from "./list.js";
import { start as startLive } from "./live.js";
import { watchConnection } from "./notices.js";
import { startRouter } from "./router.js";
import { searchView, takeSearches } from "./search.js";
import { beginSession } from "./session.js";
import { announceChoice, showUploads } from "./upload-panel.js";
import { UploadQueue } from "./uploading.js";
import { videoView } from "./video.js";

const queue = new UploadQueue();

/** @type {import("./choosing.js").Chosen} */
function upload(found) {
  queue.add(found.filter((each) => each instanceof File));
  announceChoice(found);
}

const main = byId("main");
showUploads(queue);
takeDrops(upload); // at once: a browser would leave the page for a file that nobody takes
await beginSession(main);

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
