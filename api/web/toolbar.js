// What can be done with the mails that are selected.

import { h, iconButton, redraw } from "./dom.js";
import { canWait } from "./rows.js";

/** Draw the toolbar of a desk's list; it is hidden while nothing is selected. */
export function drawToolbar(desk, deeds) {
  const { list } = desk;
  const lines = list.selectedLines;
  list.toolbar.hidden = !lines.length;
  if (!lines.length) return;
  redraw(list.toolbar, () => fill(desk, deeds, lines));
}

function fill(desk, deeds, lines) {
  const { list } = desk;
  const isAllRead = lines.every((line) => line.is_read);
  const isSpam = lines.every((line) => line.folder_id === "spam");
  const isAside = lines.every((line) => ["trash", "deleted"].includes(line.folder_id));
  list.toolbar.replaceChildren(
    iconButton("close", "Select none", () => {
      desk.selectNone();
      list.activate(lines[0].email_id);
    }),
    h("span", {}, `${lines.length} selected`),
    h("button", { type: "button", class: "chip", title: "Select all that are loaded",
      onclick: () => desk.selectAll() }, "All"),
    h("span", { class: "gap" }),
    isAside ? iconButton("back", "Bring back", () => deeds.bringBack(list.selectedLines)) : "",
    iconButton(isAllRead ? "unread" : "read", isAllRead ? "Mark as unread" : "Mark as read",
      () => deeds.flag(list.selectedLines, { is_read: !isAllRead }).then(() => drawToolbar(desk, deeds))),
    menuButton("move", "Move to a folder", (anchor) => deeds.moveMenu(anchor, list.selectedLines)),
    menuButton("label", "Labels", (anchor) => deeds.labelMenu(anchor, list.selectedLines)),
    lines.every(canWait) ? menuButton("later", "Put off until later",
      (anchor) => deeds.snoozeMenu(anchor, list.selectedLines)) : "",
    iconButton(isSpam ? "not-spam" : "spam", isSpam ? "Not spam" : "Report as spam",
      () => deeds.report(list.selectedLines, !isSpam)),
    iconButton("trash", "Delete", () => deeds.remove(list.selectedLines)));
  return list.toolbar;
}

function menuButton(name, label, open) {
  const button = iconButton(name, label, () => open(button), { "aria-haspopup": "menu" });
  return button;
}
