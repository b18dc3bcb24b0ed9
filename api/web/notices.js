// Short messages: at the bottom, and to screen readers.

import { h, iconButton } from "./dom.js";

const TOAST_MS = 8_000;

/** Say something at the bottom, and return that message; `action` is {label, run}. */
export function toast(text, { action = null, isError = false } = {}) {
  const stack = document.getElementById("toasts");
  const close = () => element.remove();
  const element = h(
    "div",
    { class: isError ? "toast is-error" : "toast" },
    h("span", {}, text),
    action &&
      h("button", { type: "button", class: "toast-action", onclick: () => {
        close();
        action.run();
      } }, action.label),
    iconButton("close", "Close message", close),
  );
  stack.append(element);
  while (stack.children.length > 3) stack.firstChild.remove();
  setTimeout(close, isError ? 2 * TOAST_MS : TOAST_MS);
  return element;
}

/** Let a screen reader say something. */
export function announce(text) {
  const log = document.getElementById("announcer");
  log.append(h("p", {}, text));
  while (log.children.length > 5) log.firstChild.remove();
}
