// For administrators: mail that is kept from its recipients, why, and what becomes of it.

import { confirm, modal } from "./dialogs.js";
import { h, plural } from "./dom.js";
import { fullDate, personText, sizeText } from "./format.js";
import { toast } from "./notices.js";

const KINDS = {
  malware: "Malware", suspicious: "Suspicious", executable: "A program", macro: "A macro",
  encrypted: "Encrypted", bomb: "Unpacks to far too much", unscannable: "Can’t be looked into",
};
const STATES = { held: "Held", released: "Let out" };

/** Show the quarantine. */
export function quarantineDialog(client) {
  new Quarantine(client).show("held");
}

class Quarantine {
  #state = "held";
  #cursor = null;
  #asked = 0;

  constructor(client) {
    this.client = client;
    this.tabs = Object.fromEntries(Object.entries(STATES).map(([state, name]) => [state,
      h("button", { type: "button", class: "chip", onclick: () => this.show(state) }, name)]));
    this.count = h("p", { class: "dim", role: "status" });
    this.list = h("ul", { class: "held-list" });
    this.more = h("button", { type: "button", class: "button", hidden: true,
      onclick: () => this.#load() }, "Show more");
    modal("Quarantine",
      h("p", { class: "dim" }, "Mail that is kept from its recipients. Who lets it out answers for it."),
      h("div", { class: "held-tabs", role: "group", "aria-label": "Which mail" },
        ...Object.values(this.tabs)),
      this.count, this.list, this.more).classList.add("is-wide");
  }

  show(state) {
    this.#state = state;
    this.#cursor = null;
    for (const [name, tab] of Object.entries(this.tabs)) {
      tab.setAttribute("aria-pressed", String(name === state));
    }
    this.list.replaceChildren();
    this.count.textContent = "Loading…";
    return this.#load();
  }

  async #load() {
    const asked = ++this.#asked;
    this.more.disabled = true;
    try {
      const page = await this.client.quarantine(this.#state, this.#cursor);
      if (asked !== this.#asked) return;
      this.list.append(...page.emails.map((each) => this.#item(each)));
      this.count.textContent = page.total_count ? plural(page.total_count, "mail") : "Nothing is here.";
      this.#cursor = page.next_cursor;
      this.more.hidden = !page.has_more;
    } catch (problem) {
      if (asked === this.#asked) this.count.textContent = problem.words ?? String(problem);
    } finally {
      this.more.disabled = false;
    }
  }

  #item(held) {
    const title = held.subject || "(no subject)";
    const rows = [["From", personText(held.from)], ["Sent by", held.mail_from || "nobody (a report)"],
      ["For", held.recipients.join(", ")], ["Received", fullDate(held.created_at)],
      ["Size", sizeText(held.size)]];
    const text = h("div", { class: "held-text", hidden: true });
    const look = h("button", { type: "button", class: "button", "aria-expanded": "false",
      onclick: () => this.#look(held, look, text) }, "Show text");
    const item = h("li", { class: "held", "aria-label": title },
      h("h3", {}, title),
      h("ul", { class: "held-why", "aria-label": "Why it is held" }, reasons(held)),
      h("dl", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      text,
      h("div", { class: "dialog-buttons" }, look,
        this.#state === "held" && h("button", { type: "button", class: "button",
          onclick: () => this.#release(held, item) }, "Let out"),
        h("button", { type: "button", class: "button", onclick: () => this.#drop(held, item) },
          "Delete for good")));
    return item;
  }

  /** The text alone: nothing of such a mail is shown as HTML. */
  async #look(held, button, text) {
    const isShown = text.hidden;
    if (isShown && !text.textContent) {
      try {
        text.textContent = (await this.client.held(held.email_id)).body || "It has no text.";
      } catch (problem) {
        tell(problem);
        return;
      }
    }
    text.hidden = !isShown;
    button.setAttribute("aria-expanded", String(isShown));
    button.textContent = isShown ? "Hide text" : "Show text";
  }

  async #release(held, item) {
    const question = `Let this mail out to ${plural(held.recipients.length, "recipient")}?`;
    const detail = `Nobody looks for malware in it again. ${reasonText(held)}.`;
    if (!(await confirm(question, { detail, yes: "Let out" }))) return;
    await this.#away(item, () => this.client.releaseHeld(held.email_id),
      `The mail is on its way to ${held.recipients.join(", ")}.`);
  }

  async #drop(held, item) {
    const detail = "This can’t be undone.";
    if (!(await confirm("Delete this mail for good?", { detail, yes: "Delete for good" }))) return;
    await this.#away(item, () => this.client.dropHeld(held.email_id), "The mail is deleted for good.");
  }

  async #away(item, act, words) {
    try {
      await act();
      item.remove();
      if (!this.list.children.length) this.show(this.#state);
      toast(words);
    } catch (problem) {
      tell(problem);
    }
  }
}

function reasons(held) {
  if (!held.findings.length) return [h("li", {}, held.note || "It is not told why.")];
  return held.findings.map(({ kind, name, part }) =>
    h("li", {}, h("strong", {}, KINDS[kind] ?? kind), ` ${name}`,
      part ? h("span", { class: "dim" }, ` in ${part}`) : null));
}

function reasonText({ findings, note }) {
  const found = findings.map(({ kind, name }) => `${KINDS[kind] ?? kind}: ${name}`);
  return found.length ? found.join("; ") : note || "It is not told why it is held";
}

function tell(problem) {
  toast(problem.words ?? String(problem), { isError: true });
}
