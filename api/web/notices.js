// Short messages: at the bottom, and to screen readers.

import { h, iconButton } from "./dom.js";

const TOAST_MS = 8_000;

/** Say something at the bottom, and return that message; `action` is {label, run}. */
export function toast(text, { action = null, isError = false } = {}) {
  const stack = document.getElementById("toasts");
  let from = null; // who had the focus before the message
  const close = () => {
    const hasFocus = element.contains(document.activeElement);
    element.remove();
    if (hasFocus) from?.focus();
  };
  const closeUnlessUsed = () => {
    if (element.matches(":hover, :focus-within")) setTimeout(closeUnlessUsed, TOAST_MS);
    else close();
  };
  const element = h(
    "div",
    { class: isError ? "toast is-error" : "toast",
      onfocusin: ({ relatedTarget: before }) => { if (before && !stack.contains(before)) from = before; } },
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
  setTimeout(closeUnlessUsed, isError ? 2 * TOAST_MS : TOAST_MS);
  return element;
}

/** Put the messages into the dialog on top, or the page: all else lies behind it, and can't be used. */
export function raiseToasts() {
  const place = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  place.append(document.getElementById("toasts"));
}

/** Let a screen reader say something. */
export function announce(text) {
  const log = document.getElementById("announcer");
  log.append(h("p", {}, text));
  while (log.children.length > 5) log.firstChild.remove();
}
