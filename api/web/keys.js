// Keyboard shortcuts, and the page that lists them.

import { modal } from "./dialogs.js";
import { h } from "./dom.js";

export const SHORTCUTS = [
  ["j", "k", "next and previous mail"],
  ["Enter", "o", "open it"],
  ["Esc", "back to the list"],
  ["x", "select it"],
  ["u", "mark as read or unread"],
  ["s", "star it, or remove the star"],
  ["#", "delete it"],
  ["!", "report as spam, or not spam"],
  ["v", "move to a folder"],
  ["l", "put labels on it, or take them off"],
  ["b", "put it off until later"],
  ["c", "write a mail"],
  ["r", "a", "reply, reply to all"],
  ["f", "forward"],
  ["/", "search"],
  ["z", "undo"],
  ["Ctrl+Enter", "send"],
  ["?", "show this"],
];

/** Call `actions[key]()` for keys typed outside of fields. */
export function onKeys(actions) {
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target;
    const isField = target.closest?.("input:not([type=checkbox]), textarea, select, dialog, .menu, .compose");
    if (isField) return;
    // Enter and the like on a button or link are that element's own.
    if (event.key === "Enter" && target.closest?.("button, a, summary, input")) return;
    const act = actions[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
}

export function shortcutsDialog() {
  modal("Keyboard shortcuts", h("dl", { class: "shortcuts" }, SHORTCUTS.map((entry) => [
    h("dt", {}, entry.slice(0, -1).flatMap((key) => [h("kbd", {}, key), " "])),
    h("dd", {}, entry.at(-1)),
  ])));
}
