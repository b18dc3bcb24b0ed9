// Labels: their list beside the folders, and the marks that show them on mails.

import { h, icon, iconButton, plural } from "./dom.js";
import { using } from "./later.js";

export class Labels {
  #drawn = "";

  /** `actions`: leaveLabel(). */
  constructor(mailbox, actions) {
    this.mailbox = mailbox;
    this.actions = actions;
    this.items = h("ul", { class: "folders labels", role: "list", "aria-label": "Labels" });
    this.element = h("section", { class: "label-part" },
      h("h2", { class: "label-head" }, "Labels"), this.items,
      h("button", { type: "button", class: "folder-add",
        onclick: () => using("label_menu", ({ createLabel }) => createLabel(mailbox)) },
      icon("plus"), "New label"));
    mailbox.addEventListener("folders", () => this.draw());
    mailbox.addEventListener("listing", () => this.#mark());
  }

  draw() {
    // What did not change stays: a menu that closes gives the focus back to the button it hangs on.
    const known = JSON.stringify(this.mailbox.labels);
    if (known === this.#drawn) return this.#mark();
    this.#drawn = known;
    const focused = this.items.contains(document.activeElement)
      ? document.activeElement.dataset.labelId
      : null;
    this.items.replaceChildren(...this.mailbox.labels.map((label) => this.#item(label)));
    this.#mark();
    if (focused) this.items.querySelector(`[data-label-id="${CSS.escape(focused)}"]`)?.focus();
  }

  #mark() {
    for (const link of this.items.querySelectorAll("a")) {
      if (link.dataset.labelId === this.mailbox.view?.label) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  #item(label) {
    const { label_id: id, name, unread_count: unread, total_count: total } = label;
    const link = h("a",
      { href: `#/label/${encodeURIComponent(id)}`, "data-label-id": id,
        class: unread ? "folder is-unread" : "folder", title: `${name}: ${plural(total, "mail")}` },
      swatch(label), h("span", { class: "folder-name" }, name),
      unread ? h("span", { class: "badge" }, unread.toLocaleString(),
        h("span", { class: "unseen" }, " unread")) : null);
    const more = iconButton("more", `Label ${name}: more`,
      () => using("label_menu", ({ openLabel }) => openLabel(this, more, label)), { "aria-haspopup": "menu" });
    return h("li", {}, link, more);
  }
}

/** The marks of a mail's labels, as they stand on it. */
export function labelMarks(mailbox, labels = []) {
  return labels
    .map((id) => mailbox.label(id))
    .filter(Boolean)
    .map((label) => h("span", { class: "tag label-tag" }, swatch(label), label.name));
}

function swatch({ colour }) {
  const mark = h("span", { class: "swatch", "aria-hidden": "true" });
  if (colour) mark.style.background = colour;
  return mark;
}
