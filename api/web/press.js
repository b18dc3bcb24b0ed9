// What a person presses stays as it is drawn: what is replaced between press and release is never clicked.

const PRESSED = "a, button, input, label, summary"; // a scrollbar that is dragged holds nothing up

let isPressed = false;
let waiting = [];

function press({ button, target }) {
  isPressed = button === 0 && Boolean(target.closest?.(PRESSED));
}

function release() {
  isPressed = false;
  // The click comes first: browsers send it together with the release.
  if (waiting.length) setTimeout(catchUp);
}

function catchUp() {
  if (isPressed) return; // again, already
  const acts = waiting;
  waiting = [];
  for (const act of acts) act();
}

addEventListener("pointerdown", press, true);
for (const type of ["pointerup", "pointercancel"]) addEventListener(type, release, true);
addEventListener("blur", release); // of the window: not captured, as fields lose the focus to what is pressed

/** Do something at once, or right after the click while something is pressed; in the order of the calls. */
export function unlessPressed(act) {
  if (isPressed || waiting.length) waiting.push(act);
  else act();
}
