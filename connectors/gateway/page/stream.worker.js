/**
 * The one connection for live events that all tabs of a browser share. A browser keeps at most six
 * connections to a server over HTTP/1.1, so a stream for each tab would leave none for anything else.
 */

import { EVENTS_URL } from "./api.js";
import { CaptionsSoFar } from "./captions-so-far.js";
import { listen } from "./stream.js";

/** @typedef {import("./stream.js").Live} Live */

/** @type {Set<MessagePort>} */
const tabs = new Set();
/** @type {Live} */
let status = { type: "status", data: "connecting" };
const captions = new CaptionsSoFar();

const connectNow = listen(EVENTS_URL, (event) => {
  if (event.type === "status") status = event;
  else captions.take(event);
  for (const tab of tabs) tab.postMessage(event);
});

self.addEventListener("connect", (event) => {
  const [tab] = /** @type {MessageEvent} */ (event).ports;
  tab.addEventListener("message", ({ data }) => {
    if (data === "leave") tabs.delete(tab);
    if (data === "return") tabs.add(tab);
    if (data === "connect") connectNow();
  });
  tab.start();
  tabs.add(tab);
  tab.postMessage(status);
  if (status.data === "lost") connectNow(); // somebody may just have signed in there
  for (const data of captions.all()) tab.postMessage({ type: "caption", data });
});
