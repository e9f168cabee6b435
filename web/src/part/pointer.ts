// What is pressed stays as it is until it is released: an answer that came in between would take the button from under the
// pointer, so that the click is lost, or move a chart while a box is drawn on it.

/** Where the release is not told, as by a browser's own menu, an answer waits no longer than this. */
const LONGEST_MILLIS = 30_000;

let pressed = false;
let waiting: (() => void)[] = [];

/** Begins to listen; once. */
export function watchPointer(): void {
  const release = (): void => {
    if (!pressed) return;
    pressed = false;
    // the click comes right after the release, and still means what was shown
    window.setTimeout(settle);
  };
  window.addEventListener("pointerdown", (event) => (pressed = event.button === 0), { capture: true });
  for (const kind of ["pointerup", "pointercancel", "blur", "dragend", "change", "keydown"]) window.addEventListener(kind, release, { capture: true });
  window.addEventListener("pointermove", (event) => event.buttons === 0 && release(), { capture: true, passive: true });
}

/** Waits until no pointer is down. */
export function released(): Promise<void> {
  if (!pressed) return Promise.resolve();
  return new Promise((done) => {
    waiting.push(done);
    window.setTimeout(done, LONGEST_MILLIS);
  });
}

function settle(): void {
  if (pressed) return;
  const ready = waiting;
  waiting = [];
  for (const done of ready) done();
}
