// The parts of a dialog that are saved by themselves.

import { h } from "./dom.js";
import { toast } from "./notices.js";

/** What is to be filled in first, and in which field. */
export class Missing extends Error {
  constructor(words, field) {
    super(words);
    Object.assign(this, { words, field });
  }
}

/** A part of the dialog that is saved by itself; `save` returns what is true then. */
export function form(title, save, fields, { yes = "Save" } = {}) {
  const error = h("p", { class: "field-error", role: "alert" });
  const button = h("button", { type: "submit", class: "button is-main" }, yes);
  return h("form", { class: "options", "aria-label": title, onsubmit: async (event) => {
    event.preventDefault();
    error.textContent = "";
    button.disabled = true;
    try {
      const words = await save();
      if (words) toast(words);
    } catch (problem) {
      error.textContent = told(problem);
      problem.field?.focus();
    } finally {
      button.disabled = false;
      // What is disabled loses the focus.
      if (document.activeElement === document.body) button.focus();
    }
  } }, h("h3", {}, title), fields, error, h("div", { class: "dialog-buttons" }, button));
}

/** A problem's words, and those of each field that it names. */
function told(problem) {
  const fields = (problem.errors ?? []).map(({ detail }) => detail).filter(Boolean);
  return fields.length ? fields.join(" ") : problem.words ?? String(problem);
}
