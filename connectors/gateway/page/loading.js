/**
 * Loading what may change meanwhile.
 */

/**
 * Work that is never done twice at the same time. Who asks for it while it is done has it done once more: what
 * comes of the first may be from before whatever made them ask.
 * @param {() => Promise<void>} work does not throw
 * @returns {() => Promise<void>} resolves when nothing more is asked for
 */
export function oneAtATime(work) {
  let wanted = false;
  /** @type {Promise<void> | null} */
  let running = null;

  async function run() {
    while (wanted) {
      wanted = false;
      await work();
    }
    running = null;
  }

  return () => {
    wanted = true;
    running ??= run();
    return running;
  };
}
