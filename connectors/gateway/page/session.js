/**
 * Whom the page acts as: signing in at the start, again when a session has ended, and out.
 */

import { signOut, whenSessionEnds, whoAmI } from "./api.js";
import { byId, el, fill } from "./dom.js";
import { connectNow, onLive } from "./live.js";
import { errorNotice } from "./notices.js";
import { askForKey } from "./sign-in.js";

/** @typedef {"read" | "write"} Scope */

/** @type {Promise<void> | null} while a key is asked for */
let asking = null;

/**
 * Find out what whoever looks at the page may do; ask for a key where one is needed, now and whenever a
 * session has ended.
 * @param {HTMLElement} place where to ask
 */
export function beginSession(place) {
  whenSessionEnds(anotherSession);
  onLive("refused", async () => {
    const isOver = await whoAmI().then(({ scope }) => !scope, () => false);
    if (isOver) anotherSession();
  });
  byId("sign-out").addEventListener("click", endSession);
  asking = begin(place).finally(() => (asking = null));
  return asking;
}

function anotherSession() {
  asking ??= askAgain().finally(() => (asking = null));
  return asking;
}

/** @param {HTMLElement} place */
async function begin(place) {
  for (;;) {
    try {
      const { keys, scope } = await whoAmI();
      byId("sign-out").hidden = !keys;
      document.body.dataset.scope = scope ?? (await askForKey(place, "Sign in", "This Reelay asks for an API key. Whoever runs it can give you one."));
      return;
    } catch (error) {
      await new Promise((resolve) => fill(place, errorNotice(error, { label: "Try again", action: () => resolve(null) })));
    }
  }
}

async function endSession() {
  try {
    await signOut();
    connectNow(); // in vain: so the other tabs hear of it
    location.assign("/");
  } catch (error) {
    window.alert(/** @type {Error} */ (error).message);
  }
}

/** Ask over the view, which stays as it is: something in it may not be saved yet. */
async function askAgain() {
  delete document.body.dataset.scope;
  const dialog = el("dialog", { class: "dialog", "aria-labelledby": "sign-in-title" });
  const over = new AbortController();
  dialog.addEventListener("close", () => over.signal.aborted || dialog.showModal()); // Escape leads nowhere
  document.body.append(dialog);
  dialog.showModal();
  const here = askForKey(dialog, "Your session has ended", "Give the API key again to go on where you were.").then((scope) => {
    connectNow();
    return scope;
  });
  document.body.dataset.scope = await Promise.race([here, scopeOfOtherTab(over.signal)]);
  over.abort();
  dialog.close();
  dialog.remove();
}

/**
 * What somebody may do who has signed in in another tab.
 * @param {AbortSignal} signal
 * @returns {Promise<Scope>}
 */
function scopeOfOtherTab(signal) {
  return new Promise((resolve) => {
    onLive("status", (status) => status === "open" && whoAmI().then(({ scope }) => scope && resolve(scope), () => {}), signal);
  });
}
