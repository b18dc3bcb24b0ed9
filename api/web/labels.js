// Labels: their list beside the folders, and the marks that show them on mails.

import { askFor, confirm, openMenu, toast } from "./dialogs.js";
import { h, icon, iconButton, plural } from "./dom.js";

const COLOURS = [
  ["", "None"], ["#c62828", "Red"], ["#b26a00", "Orange"], ["#8a7400", "Yellow"], ["#2e7d32", "Green"],
  ["#00798c", "Teal"], ["#2456c7", "Blue"], ["#7b3fb5", "Violet"], ["#5f6368", "Grey"],
];

export class Labels {
  #drawn = "";

  /** `actions`: leaveLabel(). */
  constructor(mailbox, actions) {
    this.mailbox = mailbox;
    this.actions = actions;
    this.items = h("ul", { class: "folders labels", role: "list", "aria-label": "Labels" });
    this.element = h("section", { class: "label-part" },
      h("h2", { class: "label-head" }, "Labels"), this.items,
      h("button", { type: "button", class: "folder-add", onclick: () => createLabel(mailbox) },
        icon("plus"), "New label"));
    mailbox.addEventListener("folders", () => this.draw());
    mailbox.addEventListener("listing", () => this.#mark());
  }

  draw() {
    // A link that is drawn anew while it is pressed is not followed: what did not change stays.
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
    const more = iconButton("more", `Label ${name}: more`, () => openMenu(more, `Label ${name}`, [
      { label: "Rename…", run: () => this.#rename(label) },
      { label: "Colour…", run: () => this.#colour(more, label) },
      { label: "Delete…", run: () => this.#remove(label) },
    ]), { "aria-haspopup": "menu" });
    return h("li", {}, link, more);
  }

  #rename(label) {
    askFor("Rename label", "Name", { value: label.name, yes: "Rename", act: async (name) => {
      await this.mailbox.client.changeLabel(label.label_id, { name });
      await this.mailbox.loadFolders();
    } });
  }

  #colour(anchor, label) {
    openMenu(anchor, `Colour of ${label.name}`, COLOURS.map(([colour, name]) => ({
      label: name,
      checked: label.colour === colour,
      run: () => this.#try(() => this.mailbox.client.changeLabel(label.label_id, { colour })),
    })));
  }

  async #remove(label) {
    const detail = label.total_count
      ? `It is taken off ${plural(label.total_count, "mail")}, which stay where they are.`
      : "No mail carries it.";
    if (!(await confirm(`Delete the label “${label.name}”?`, { detail }))) return;
    await this.#try(async () => {
      await this.mailbox.client.deleteLabel(label.label_id);
      if (this.mailbox.view?.label === label.label_id) this.actions.leaveLabel();
    });
  }

  async #try(act) {
    try {
      await act();
      await this.mailbox.loadFolders();
    } catch (problem) {
      toast(problem.words ?? String(problem), { isError: true });
    }
  }
}

/** Ask for a name and make a label; `then` is told its id. */
export function createLabel(mailbox, then = () => {}) {
  askFor("New label", "Name", { yes: "Create", act: async (name) => {
    const made = await mailbox.client.createLabel({ name });
    await mailbox.loadFolders();
    if (made?.label_id) then(made.label_id);
  } });
}

/** The menu in which labels are put on `lines` and taken off; `put(labelId, isOn)` does it. */
export function labelMenu(mailbox, anchor, lines, put) {
  const items = mailbox.labels.map((label) => {
    const carrying = lines.filter((line) => line.labels?.includes(label.label_id)).length;
    const isOn = carrying === lines.length;
    return {
      label: label.name,
      checked: isOn ? true : carrying ? "mixed" : false,
      run: () => put(label.label_id, !isOn),
    };
  });
  openMenu(anchor, "Labels", [
    ...items,
    items.length ? null : undefined,
    { label: "New label…", run: () => createLabel(mailbox, (id) => put(id, true)) },
  ].filter((item) => item !== undefined));
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
