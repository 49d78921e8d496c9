/**
 * Which view an address shows.
 */

/**
 * A view fills its place until the signal says that another has come. What it returns is the page's title.
 * @callback View
 * @param {HTMLElement} place
 * @param {{url: URL, match: RegExpMatchArray, signal: AbortSignal}} context
 * @returns {string}
 */

/** @type {{pattern: RegExp, view: View}[]} */
let routes = [];
/** @type {HTMLElement} */
let place;
let leaving = new AbortController();
/** @type {() => string | null} */
let objection = () => null;
let shownUrl = new URL(location.href);

/**
 * Show the view of this address, and of every one that is gone to.
 * @param {HTMLElement} element
 * @param {{pattern: RegExp, view: View}[]} table
 */
export function startRouter(element, table) {
  place = element;
  routes = table;
  history.scrollRestoration = "manual";
  document.addEventListener("click", followLink);
  window.addEventListener("popstate", comeBack);
  window.addEventListener("scrollend", remember);
  window.addEventListener("beforeunload", (event) => objection() && event.preventDefault());
  show();
}

/**
 * Have the user asked before the view of now is left.
 * @param {() => string | null} ask gives the question; null: nothing would be lost
 */
export function askBeforeLeaving(ask) {
  objection = ask;
}

/**
 * Go to an address of this page.
 * @param {string} address
 * @param {{replace?: boolean}} [how] replace: without a new entry in the history
 */
export function go(address, { replace = false } = {}) {
  if (!mayGo(new URL(address, location.href))) return;
  if (replace) {
    history.replaceState(history.state, "", address);
  } else {
    remember();
    history.pushState(null, "", address);
  }
  arrive({ scrollTo: 0 });
}

/**
 * The time in an address' fragment: `#t=12.5`.
 * @param {URL | Location} url
 * @returns {number | null} seconds
 */
export function timeIn(url) {
  const match = /^#t=(\d+(?:\.\d+)?)$/.exec(url.hash);
  return match ? Number(match[1]) : null;
}

/**
 * A video's address, at a time.
 * @param {string} videoId
 * @param {number | null} [time_s]
 */
export function videoAddress(videoId, time_s = null) {
  const fragment = time_s === null ? "" : `#t=${Number(time_s.toFixed(2))}`;
  return `/videos/${encodeURIComponent(videoId)}${fragment}`;
}

function comeBack() {
  // The browser is there already: to stay, its address becomes that of the view again.
  if (mayGo(location)) arrive({ scrollTo: history.state?.scroll ?? 0 });
  else history.pushState(null, "", shownUrl);
}

/**
 * Whether the user lets go of what would be lost there.
 * @param {URL | Location} url
 */
function mayGo(url) {
  const question = isShown(url) ? null : objection();
  return question === null || window.confirm(question);
}

/** @param {URL | Location} url */
function isShown({ pathname, search }) {
  return pathname === shownUrl.pathname && search === shownUrl.search;
}

/** @param {{scrollTo: number}} where */
function arrive({ scrollTo }) {
  const sameView = isShown(location);
  shownUrl = new URL(location.href);
  if (sameView) {
    window.dispatchEvent(new Event("fragment"));
    return;
  }
  show();
  // What fills the view comes later; it has its room now, or there would be nothing to scroll.
  place.style.minHeight = scrollTo ? `${scrollTo + innerHeight}px` : "";
  if (timeIn(location) === null) window.scrollTo(0, scrollTo);
  place.focus({ preventScroll: true });
}

function show() {
  leaving.abort();
  leaving = new AbortController();
  objection = () => null;
  const url = new URL(location.href);
  shownUrl = url;
  for (const { pattern, view } of routes) {
    const match = url.pathname.match(pattern);
    if (match) {
      place.replaceChildren();
      document.title = `${view(place, { url, match, signal: leaving.signal })} · Reelay`;
      return;
    }
  }
}

/** @param {MouseEvent} event */
function followLink(event) {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
  const url = new URL(link.href);
  const inPage = url.pathname === location.pathname && url.search === location.search && url.hash;
  if (url.origin !== location.origin || !routes.some(({ pattern }) => pattern.test(url.pathname))) return;
  if (inPage && timeIn(url) === null) return; // the skip link
  event.preventDefault();
  go(url.pathname + url.search + url.hash);
}

function remember() {
  history.replaceState({ scroll: window.scrollY }, "");
}
