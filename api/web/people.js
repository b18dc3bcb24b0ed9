// An address field that proposes whom one wrote to: a combobox with a list (ARIA 1.2).

import { h } from "./dom.js";
import { personText } from "./format.js";

const PROPOSED = 8;
const PAUSE_MS = 120; // between the last key and the question

/** Let `input` propose contacts of `client`; returns the list, which stands beside it. */
export function withContacts(client, input) {
  return new People(client, input).list;
}

class People {
  #asked = 0; // which question the newest is: what answers an older one comes too late
  #timer = null;
  #at = -1; // which proposal is the active one
  #found = [];

  constructor(client, input) {
    this.client = client;
    this.input = input;
    const id = `${input.id}-people`;
    this.list = h("ul", { class: "people", role: "listbox", id, "aria-label": "People you wrote to",
      hidden: true, onmousedown: (event) => this.#press(event) });
    for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list",
      "aria-haspopup": "listbox", "aria-expanded": "false", "aria-controls": id })) {
      input.setAttribute(name, value);
    }
    input.addEventListener("input", () => this.#typed());
    input.addEventListener("keydown", (event) => this.#key(event));
    input.addEventListener("blur", () => this.#close());
    input.addEventListener("paste", (event) => paste(event));
  }

  get #isOpen() { return !this.list.hidden; }

  #typed() {
    clearTimeout(this.#timer);
    const { text } = partAt(this.input.value, this.input.selectionStart ?? 0);
    if (!text) {
      this.#close();
      return;
    }
    this.#timer = setTimeout(() => this.#ask(text), PAUSE_MS);
  }

  async #ask(text) {
    const asked = ++this.#asked;
    let found = [];
    try {
      found = (await this.client.contacts(text, PROPOSED)).contacts;
    } catch {
      // Who can’t be proposed can be typed.
    }
    if (asked !== this.#asked || document.activeElement !== this.input) return;
    this.#show(found, text);
  }

  #show(found, text) {
    this.#found = found.filter(({ address }) => address.toLowerCase() !== text.toLowerCase());
    if (!this.#found.length) {
      this.#close();
      return;
    }
    this.list.replaceChildren(...this.#found.map(({ name, address }, index) =>
      h("li", { role: "option", id: `${this.list.id}-${index}`, "aria-selected": "false",
        "data-index": index },
      h("strong", {}, name || address), name ? h("span", { class: "dim" }, address) : null)));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    // Who types an address to its end means that one: nothing is put in its place by “Enter”.
    this.#activate(text.includes("@") ? -1 : 0);
  }

  #close() {
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.#found = [];
    this.#at = -1;
    this.list.hidden = true;
    this.list.replaceChildren();
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  #activate(at) {
    this.#at = at;
    for (const [index, option] of [...this.list.children].entries()) {
      option.setAttribute("aria-selected", String(index === at));
    }
    const active = this.list.children[at];
    if (active) this.input.setAttribute("aria-activedescendant", active.id);
    else this.input.removeAttribute("aria-activedescendant");
    active?.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    if (!this.#isOpen || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const { length } = this.#found;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const from = this.#at < 0 && step < 0 ? 0 : this.#at;
      this.#activate((from + step + length) % length);
    } else if ((event.key === "Enter" || event.key === "Tab") && this.#at >= 0) {
      this.#choose(this.#at);
    } else if (event.key === "Escape") {
      this.#close();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #press(event) {
    event.preventDefault(); // the field keeps the focus
    const option = event.target.closest("[data-index]");
    if (option && event.button === 0) this.#choose(Number(option.dataset.index));
  }

  #choose(index) {
    const { value } = this.input;
    const { start, end } = partAt(value, this.input.selectionStart ?? value.length);
    const before = value.slice(0, start) + (start && value[start - 1] !== " " ? " " : "");
    const chosen = `${before}${personText(this.#found[index])}, `;
    this.input.value = chosen + value.slice(end).replace(/^[\s,;]+/, "");
    this.input.setSelectionRange(chosen.length, chosen.length);
    this.#close();
    this.input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

/** Lines become parts: a field of one line would join the end of each to the beginning of the next. */
function paste(event) {
  const lines = event.clipboardData.getData("text/plain").split(/[\r\n]+/).map((line) => line.trim()).filter(Boolean);
  if (lines.length < 2) return;
  event.preventDefault();
  const input = event.target;
  const text = lines.map((line) => line.replace(/[,;]$/, "")).join(", ");
  input.setRangeText(text, input.selectionStart, input.selectionEnd, "end");
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/** The person that is typed at `caret`: where it starts and ends, and its text up to there. */
export function partAt(value, caret) {
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < caret; at += 1) {
    if (value[at] === "\\" && isQuoted) at += 1;
    else if (value[at] === "\"") isQuoted = !isQuoted;
    else if (!isQuoted && (value[at] === "," || value[at] === ";")) start = at + 1;
  }
  while (start < caret && value[start] === " ") start += 1;
  let end = caret;
  while (end < value.length && (isQuoted || !",;".includes(value[end]))) {
    if (value[end] === "\"") isQuoted = !isQuoted;
    end += 1;
  }
  return { start, end, text: value.slice(start, caret).replace(/^["<]/, "").trim() };
}
