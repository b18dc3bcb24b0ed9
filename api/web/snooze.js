// Putting a mail off until later: presets, a moment of one's own, and taking it back.

import { Problem } from "./client.js";
import { askFor, openMenu } from "./dialogs.js";
import { h } from "./dom.js";
import { fullDate } from "./format.js";
import { toast } from "./notices.js";
import { SNOOZED } from "./rows.js";

const MORNING_H = 8;
const EVENING_H = 18;

/** Moments that are likely meant, each with its name; `now` is a Date. */
export function presets(now = new Date()) {
  const at = (days, hours) =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hours);
  const found = [["In three hours", new Date(now.getTime() + 3 * 3_600_000)]];
  if (now.getHours() < EVENING_H - 1) found.push(["This evening", at(0, EVENING_H)]);
  found.push(["Tomorrow morning", at(1, MORNING_H)]);
  // Saturday is 6, Monday 1.
  if (now.getDay() > 0 && now.getDay() < 5) found.push(["At the weekend", at(6 - now.getDay(), MORNING_H)]);
  // On a Sunday that is tomorrow.
  if (now.getDay() > 0) found.push(["Next week", at(8 - now.getDay(), MORNING_H)]);
  return found;
}

/** Let a person choose when something comes back: `put` is given the Date. */
export function snoozeMenu(anchor, put) {
  timeMenu(anchor, "Put off until", "Put off", put);
}

/** Let a person choose a moment, for which the menu is called `title`; `more` are further items. */
export function timeMenu(anchor, title, yes, put, more = []) {
  openMenu(anchor, title, [
    ...presets().map(([name, until]) => ({ label: `${name}, ${fullDate(until)}`, run: () => put(until) })),
    null,
    { label: "Another time…", run: () => askFor(title, "Date and time, such as 2026-03-31 09:30",
      { value: typed(presets().at(-1)[1]), yes, act: (text) => { put(read(text)); } }) },
    ...more,
  ]);
}

/** A line that tells until when a mail is put off; empty for others. */
export function snoozeBar(client, email) {
  const bar = h("div", { class: "unsubscribe-bar", role: "status", hidden: true });
  if (email.folder_id !== SNOOZED) return bar;
  const back = h("button", { type: "button", class: "button",
    onclick: () => client.bringBack(email.email_id).then(() => { bar.hidden = true; }, tell) }, "Bring it back now");
  client.snoozed(email.email_id).then(({ until }) => {
    bar.replaceChildren(h("span", {}, `This is put off until ${fullDate(until)}.`), back);
    bar.hidden = false;
  }, () => {}); // it was moved there by hand
  return bar;
}

function typed(date) {
  const two = (number) => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

function read(text) {
  const date = new Date(text.replace(" ", "T"));
  if (Number.isNaN(date.getTime())) throw new Problem({ title: "Write a date and a time, such as 2026-03-31 09:30." });
  if (date <= new Date()) throw new Problem({ title: "Write a time in the future." });
  return date;
}

function tell(problem) {
  toast(problem.words ?? String(problem), { isError: true });
}
