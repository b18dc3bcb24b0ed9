// Keyboard shortcuts: which key does what.

import { using } from "./later.js";
import { canWait } from "./rows.js";

/** Call `actions[key]()` for keys typed outside of fields. */
export function onKeys(actions) {
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target;
    if (document.querySelector("dialog[open]")) return; // it lies over all that keys act on
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

/** What keys do at a desk, as `onKeys` takes it. */
export function shortcutsOf(desk) {
  const { list, search } = desk;
  const step = (by) => {
    const line = list.neighbour(by);
    if (!line) return;
    if (desk.openId) desk.openLine(line);
    else list.activate(line.email_id);
  };
  const chosen = (act) => () => desk.use((tools) => {
    const lines = tools.chosen;
    if (lines.length) act(lines, tools);
  });
  const open = chosen(([line]) => desk.openLine(line));
  const anchor = ({ reader }) => (desk.openId ? reader.bar : list.title);
  const reply = (kind) => () => desk.use(({ reader, deeds }) => reader.email && deeds.reply(reader.email, kind));
  return {
    j: () => step(1),
    k: () => step(-1),
    Enter: open,
    o: open,
    Escape: () => desk.closeDrawer() || (desk.openId ? desk.back() : desk.leaveSearch()),
    x: () => list.activeId && list.toggleSelected(list.activeId),
    u: chosen((lines, { deeds }) => deeds.flag(lines, { is_read: !lines.every((line) => line.is_read) })),
    s: chosen((lines, { deeds }) => deeds.flag(lines, { is_starred: !lines.every((line) => line.is_starred) })),
    "#": chosen((lines, { deeds }) => deeds.remove(lines)),
    Delete: chosen((lines, { deeds }) => deeds.remove(lines)),
    "!": chosen((lines, { deeds }) => deeds.report(lines, !lines.every((line) => line.folder_id === "spam"))),
    v: chosen((lines, tools) => tools.deeds.moveMenu(anchor(tools), lines)),
    l: chosen((lines, tools) => tools.deeds.labelMenu(anchor(tools), lines)),
    b: chosen((lines, tools) => lines.every(canWait) && tools.deeds.snoozeMenu(anchor(tools), lines)),
    c: () => desk.use(({ compose }) => compose.open()),
    r: reply("one"),
    a: reply("all"),
    f: reply("forward"),
    z: () => desk.use(({ deeds }) => deeds.undo()),
    "/": () => search.input.focus(),
    "?": () => using("shortcuts", ({ shortcutsDialog }) => shortcutsDialog()),
  };
}
