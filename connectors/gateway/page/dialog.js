/**
 * A question that has to be answered before something is done that cannot be undone.
 */

import { el } from "./dom.js";

/**
 * @param {string} question
 * @param {string} consequence
 * @param {string} action what the button that says yes is called
 * @returns {Promise<boolean>}
 */
export function ask(question, consequence, action) {
  const dialog = el(
    "dialog",
    { class: "dialog", "aria-labelledby": "dialog-title", "aria-describedby": "dialog-text" },
    el("h2", { id: "dialog-title", dir: "auto" }, question),
    el("p", { id: "dialog-text" }, consequence),
    el(
      "form",
      { method: "dialog" },
      el("button", { type: "submit", value: "no", autofocus: true }, "Keep it"),
      el("button", { type: "submit", value: "yes", class: "danger" }, action),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
