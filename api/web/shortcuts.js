// The page that lists the keyboard shortcuts.

import { modal } from "./dialogs.js";
import { h } from "./dom.js";

const SHORTCUTS = [
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

export function shortcutsDialog() {
  modal("Keyboard shortcuts", h("dl", { class: "shortcuts" }, SHORTCUTS.map((entry) => [
    h("dt", {}, entry.slice(0, -1).flatMap((key) => [h("kbd", {}, key), " "])),
    h("dd", {}, entry.at(-1)),
  ])));
}
