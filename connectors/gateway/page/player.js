/**
 * The player: the browser's own controls, captions, and the time to the frame for whoever follows it.
 */

import { el, fill } from "./dom.js";
import { languageName } from "./text.js";

/** @typedef {import("./reading.js").Word} Word */

const CUE_CHARS = 60;
const CUE_S = 6;

export class Player {
  #media = el("video", { controls: true, playsinline: true, preload: "metadata" });
  #trouble = el("div");
  #url = "";
  #onTime;
  #frame = 0;
  /** @type {TextTrack | null} */
  #liveTrack = null;
  #captionsUrls = "";

  /**
   * @param {(time_s: number) => void} onTime called for every frame while it plays, and after seeking
   * @param {AbortSignal} signal
   */
  constructor(onTime, signal) {
    this.#onTime = onTime;
    this.element = el("div", { class: "player" }, this.#media, this.#trouble);
    const tell = () => onTime(this.#media.currentTime);
    for (const type of ["seeking", "seeked", "timeupdate"]) this.#media.addEventListener(type, tell);
    this.#media.addEventListener("play", () => this.#follow());
    this.#media.addEventListener("loadedmetadata", () => {
      this.element.classList.toggle("is-sound", this.#media.videoWidth === 0);
    });
    this.#media.addEventListener("error", () => this.#cannotPlay());
    signal.addEventListener("abort", () => {
      cancelAnimationFrame(this.#frame);
      this.#media.pause();
      this.#media.removeAttribute("src"); // ends the download
      this.#media.load();
    });
  }

  /** Seconds. */
  get time() {
    return this.#media.currentTime;
  }

  /**
   * @param {string} url
   * @param {{name: string, picture: boolean}} what
   */
  open(url, { name, picture }) {
    this.element.classList.toggle("is-sound", !picture);
    if (url === this.#url) return;
    this.#url = url;
    this.#media.setAttribute("aria-label", name);
    fill(this.#trouble);
    this.#media.src = url;
  }

  /**
   * @param {number} time_s
   * @param {{play?: boolean}} [how]
   */
  seek(time_s, { play = false } = {}) {
    this.#media.currentTime = time_s;
    this.#onTime(time_s);
    // A browser may refuse to play before the first click; the time is right all the same.
    if (play) this.#media.play().catch(() => {});
  }

  /**
   * Offer captions, and show the first.
   * @param {import("./results.js").Captions[]} captions
   */
  setCaptions(captions) {
    const urls = captions.map(({ file }) => file.url).join();
    if (!urls || urls === this.#captionsUrls) return;
    this.#captionsUrls = urls;
    this.dropLiveCaptions();
    for (const old of this.#media.querySelectorAll("track")) old.remove();
    for (const { language, file } of captions) {
      const isFirst = file === captions[0].file;
      const track = el("track", { kind: "captions", src: file.url, srclang: language, label: languageName(language), default: isFirst });
      this.#media.append(track);
      track.track.mode = "hidden"; // Chromium shows what nobody has switched yet
      track.track.mode = isFirst ? "showing" : "disabled";
    }
  }

  /**
   * Show captions as they are transcribed.
   * @param {Word[]} words of one piece
   * @param {string} language BCP 47
   */
  addCaptions(words, language) {
    this.#liveTrack ??= this.#media.addTextTrack("captions", languageName(language), language);
    this.#liveTrack.mode = "showing";
    let line = /** @type {Word[]} */ ([]);
    const flush = () => {
      if (line.length) this.#liveTrack?.addCue(new VTTCue(line[0].start_s, line[line.length - 1].end_s, line.map(({ text }) => text).join("").trim()));
      line = [];
    };
    for (const word of words) {
      const length = line.reduce((sum, { text }) => sum + text.length, 0);
      if (line.length && (length + word.text.length > CUE_CHARS || word.end_s - line[0].start_s > CUE_S)) flush();
      line.push(word);
    }
    flush();
  }

  /** Captions of another kind, or of another revision, come in the place of those. */
  dropLiveCaptions() {
    if (this.#liveTrack) this.#liveTrack.mode = "disabled";
    this.#liveTrack = null;
  }

  #follow() {
    cancelAnimationFrame(this.#frame);
    const step = () => {
      this.#onTime(this.#media.currentTime);
      if (!this.#media.paused) this.#frame = requestAnimationFrame(step);
    };
    step();
  }

  #cannotPlay() {
    if (!this.#media.hasAttribute("src")) return;
    const lost = this.#media.error?.code === MediaError.MEDIA_ERR_NETWORK;
    fill(
      this.#trouble,
      el(
        "p",
        { class: "notice" },
        lost
          ? "The video could not be loaded any further. Reload the page once the connection is back."
          : "The file is not there, or this browser cannot play its kind. Transcript, search and downloads work all the same.",
      ),
    );
  }
}
