/**
 * Asking for an API key where the gateway wants one.
 */

import { ApiError, signIn } from "./api.js";
import { el, fill } from "./dom.js";
import { errorNotice } from "./notices.js";

/**
 * Ask until a key is right.
 * @param {HTMLElement} place
 * @param {string} title
 * @param {string} text
 * @returns {Promise<"read" | "write">} what the key is for
 */
export function askForKey(place, title, text) {
  return new Promise((resolve) => {
    const input = el("input", { id: "key", name: "key", type: "password", autocomplete: "current-password", required: true });
    const trouble = el("div");
    const form = el(
      "form",
      { class: "sign-in" },
      el(place.localName === "dialog" ? "h2" : "h1", { id: "sign-in-title" }, title),
      el("p", {}, text),
      el("label", { for: "key" }, "API key"),
      input,
      trouble,
      el("button", { type: "submit", class: "primary" }, "Sign in"),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        const { scope } = await signIn(input.value.trim());
        resolve(scope);
      } catch (error) {
        const wrong = error instanceof ApiError && error.status === 401;
        fill(trouble, errorNotice(wrong ? "That key is not known here. Check that all of it was copied." : error));
        input.focus();
      }
    });
    fill(place, form);
    input.focus();
  });
}
