// The search field, with help on what can be typed.

import { fileOf, h, icon, iconButton } from "./dom.js";

const HELP = [
  ["invoice march", "both words, in any order"],
  ["\"annual report\"", "these words, one after the other"],
  ["-draft", "mails without it"],
  ["invoice OR receipt", "either"],
  ["from:ada  to:sales@mail.example", "by sender, by recipient"],
  ["subject:hello  body:hello  filename:pdf", "in that place alone"],
  ["in:inbox  in:\"My folder\"", "in a folder"],
  ["label:work  -label:\"to read\"", "with a label, without one"],
  ["is:unread  is:starred", "by state"],
  ["has:attachment", "with files"],
  ["after:2026-03-14  before:2026-04", "by date"],
  ["after:7d  before:2w", "by age"],
  ["larger:5M", "by size"],
];

export class Search {
  /** `actions`: search(text), leave(), menu(). */
  constructor(actions) {
    this.input = h("input", { type: "search", id: "search", placeholder: "Search mail", maxlength: "1000",
      autocomplete: "off", "aria-describedby": "search-error", dir: "auto",
      onkeydown: (event) => {
        if (event.key === "Escape") actions.leave();
      } });
    this.error = h("p", { class: "search-error", id: "search-error", role: "alert" });
    this.help = h("div", { class: "search-help", popover: "auto", id: "search-help" },
      h("h2", {}, "What can be searched for"),
      h("dl", {}, HELP.map(([typed, finds]) => [
        h("dt", {}, h("code", {}, typed)), h("dd", {}, finds)])));
    this.menu = iconButton("menu", "Folders", actions.menu, {
      class: "icon-button menu-button", "aria-expanded": "false" });
    this.element = h("header", { class: "top" },
      this.menu,
      h("span", { class: "brand" }, h("img", { src: fileOf("logo.svg"), alt: "", width: "26", height: "26" }),
        h("span", {}, "Rillmail")),
      h("form", { class: "search", role: "search", onsubmit: (event) => {
        event.preventDefault();
        const text = this.input.value.trim();
        if (text) actions.search(text);
        else actions.leave();
      } },
      icon("search"), h("label", { class: "unseen", for: "search" }, "Search mail"), this.input,
      iconButton("help", "Search help", () => {}, { popovertarget: "search-help" }), this.error),
      this.help);
  }

  /** What is searched for now; empty when nothing is. */
  set text(text) {
    this.input.value = text;
    this.say("");
  }

  /** Tell why a search failed, and where. */
  fail(problem) {
    const text = this.input.value;
    this.say(problem.words ?? String(problem));
    const { position } = problem;
    if (typeof position !== "number") return;
    // The position counts characters, the field UTF-16 units.
    const units = [...text].slice(0, position).join("").length;
    this.input.focus();
    this.input.setSelectionRange(units, text.length);
  }

  say(text) {
    this.error.textContent = text;
    if (text) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
  }
}
