// The other mails of a conversation: folded, each opened where it stands.

import { mailCard } from "./card.js";
import { h, plural } from "./dom.js";
import { fullDate, nameOf, shortDate } from "./format.js";

const MOST_OPENED = 10; // unread ones, by themselves
const ASIDE = new Set(["spam", "trash", "drafts"]); // never opened by themselves

export class Conversation {
  before = h("div", { class: "conversation" });
  after = h("div", { class: "conversation" });
  #items = new Map(); // email_id → what stands for it; what was opened stays open
  #isNew = true;

  /** `actions`: openId(id), reply(email, kind), write(id), flag(lines, flags), and those of a card. */
  constructor(client, actions) {
    this.client = client;
    this.actions = actions;
  }

  /** Show all mails but the one with this id, which is shown between them. */
  show({ emails }, id) {
    const at = Math.max(0, emails.findIndex((line) => line.email_id === id));
    const others = emails.filter((line) => line.email_id !== id);
    const items = others.map((line) => this.#item(line));
    const all = others.length > 1 && h("button", { type: "button", class: "link-button",
      onclick: () => items.forEach((item) => { item.open = true; }) }, "Open all");
    this.before.replaceChildren(
      h("p", { class: "dim" }, `Conversation of ${plural(emails.length, "mail")} `, all || ""),
      ...items.slice(0, at));
    this.after.replaceChildren(...items.slice(at));
    if (!this.#isNew) return;
    this.#isNew = false;
    const unread = others.filter((line) => !line.is_read && !ASIDE.has(line.folder_id));
    for (const line of unread.slice(-MOST_OPENED)) this.#items.get(line.email_id).open = true;
  }

  #item(line) {
    const known = this.#items.get(line.email_id);
    if (known) return known;
    const within = h("div", { class: "other-within", role: "status" }, "Opening…");
    const item = h("details", { class: line.is_read ? "other-mail" : "other-mail is-unread",
      ontoggle: () => item.open && this.#open(item, within, line) },
    h("summary", {},
      line.folder_id === "drafts" && h("strong", { class: "other-kind" }, "Draft"),
      h("span", { class: "other-from", dir: "auto" }, nameOf(line.from)),
      h("span", { class: "other-snippet", dir: "auto" }, line.snippet || line.subject),
      h("time", { datetime: line.created_at, title: fullDate(line.created_at) },
        shortDate(line.created_at))),
    within);
    this.#items.set(line.email_id, item);
    return item;
  }

  async #open(item, within, line) {
    if (item.dataset.isShown) return;
    item.dataset.isShown = "true";
    try {
      const email = await this.client.email(line.email_id);
      within.removeAttribute("role");
      within.replaceChildren(
        mailCard(this.client, email, this.actions, `Mail from ${nameOf(email.from)}`),
        h("div", { class: "other-tools" },
          email.is_draft
            ? h("button", { type: "button", class: "button",
              onclick: () => this.actions.write(email.email_id) }, "Go on writing")
            : h("button", { type: "button", class: "button",
              onclick: () => this.actions.reply(email, "one") }, "Reply"),
          h("button", { type: "button", class: "button",
            onclick: () => this.actions.openId(email.email_id) }, "All that can be done with it")));
      item.classList.remove("is-unread");
      if (!email.is_read) this.actions.flag([email], { is_read: true });
    } catch (problem) {
      delete item.dataset.isShown; // opening it again asks again
      within.replaceChildren(h("p", {}, problem.words ?? String(problem)));
    }
  }
}
