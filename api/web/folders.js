// The tree of folders with their unread counts.

import { h, icon, iconButton, plural } from "./dom.js";
import { Labels } from "./labels.js";
import { using } from "./later.js";
import { SYSTEM_NAMES } from "./mailbox.js";

const FOLDED = "rillmail.folded"; // in this browser: folders whose own are not shown
const ICONS = new Set(Object.keys(SYSTEM_NAMES).filter((id) => id !== "deleted"));

export class Folders {
  #drawn = "";
  #folded = new Set(JSON.parse(localStorage.getItem(FOLDED) ?? "[]"));

  /** `actions`: open(folderId), follow(hash), leaveLabel(), compose(), options(), signOut(). */
  constructor(mailbox, me, actions) {
    this.mailbox = mailbox;
    this.actions = actions;
    this.items = h("ul", { class: "folders", role: "list" });
    this.element = h(
      "nav",
      { class: "pane folder-pane", "aria-label": "Folders", onclick: (event) => this.#follow(event) },
      h("button", { type: "button", class: "button is-main compose-button",
        onclick: actions.compose }, icon("drafts"), "Write a mail"),
      this.items,
      h("button", { type: "button", class: "folder-add",
        onclick: () => using("folder_menu", ({ createFolder }) => createFolder(this)) },
      icon("plus"), "New folder"),
      new Labels(mailbox, actions).element,
      me.is_admin ? h("a", { class: "folder-add", href: "/web/topology.html" },
        icon("move"), "How mail flows") : null,
      me.is_admin ? h("button", { type: "button", class: "folder-add",
        onclick: () => using("quarantine", ({ quarantineDialog }) => quarantineDialog(mailbox.client)) },
      icon("spam"), "Quarantine") : null,
      h("footer", { class: "me" },
        h("span", { class: "me-address", title: me.address }, me.address),
        iconButton("gear", "Settings", actions.options),
        iconButton("out", "Sign out", actions.signOut)),
    );
    mailbox.addEventListener("folders", () => this.draw());
    mailbox.addEventListener("listing", () => this.#mark());
  }

  draw() {
    // What did not change stays: a menu that closes gives the focus back to the button it hangs on.
    const known = JSON.stringify([this.mailbox.folders, [...this.#folded]]);
    if (known === this.#drawn) return this.#mark();
    this.#drawn = known;
    const focused = this.items.contains(document.activeElement)
      ? document.activeElement.dataset.folderId
      : null;
    this.items.replaceChildren(...this.#within(null).map((folder) => this.#item(folder)));
    this.#mark();
    if (focused) this.items.querySelector(`[data-folder-id="${CSS.escape(focused)}"]`)?.focus();
  }

  /** A link to where one is already changes no address: it is asked for again. */
  #follow(event) {
    const link = event.target.closest("a[href^='#']");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.actions.follow(link.hash);
  }

  /** Put the focus on the folder that is shown, or else on the first. */
  focus() {
    (this.items.querySelector("[aria-current]") ?? this.items.querySelector("a"))?.focus();
  }

  #mark() {
    for (const link of this.items.querySelectorAll("a")) {
      const isCurrent = link.dataset.folderId === this.mailbox.view?.folder;
      if (isCurrent) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  /** The folders that lie in another one, or in none. */
  #within(id) {
    const { mailbox } = this;
    return mailbox.folders.filter((folder) => (mailbox.folder(folder.parent_id)?.folder_id ?? null) === id);
  }

  /** A folder and all that lie in it, at any depth. */
  whole(folder) {
    return [folder, ...this.#within(folder.folder_id).flatMap((each) => this.whole(each))];
  }

  #fold(id) {
    if (!this.#folded.delete(id)) this.#folded.add(id);
    localStorage.setItem(FOLDED, JSON.stringify([...this.#folded]));
    this.draw();
    this.items.querySelector(`[data-fold="${CSS.escape(id)}"]`)?.focus();
  }

  #item(folder) {
    const { folder_id: id, total_count: total } = folder;
    const name = this.mailbox.nameOf(id);
    const within = this.#within(id);
    const isFolded = within.length > 0 && this.#folded.has(id);
    // What is folded away is counted with the folder that it lies in.
    const unread = (isFolded ? this.whole(folder) : [folder]).reduce((sum, each) => sum + each.unread_count, 0);
    const link = h(
      "a",
      { href: `#/folder/${encodeURIComponent(id)}`, "data-folder-id": id,
        class: unread ? "folder is-unread" : "folder", title: `${name}: ${plural(total, "mail")}` },
      icon(ICONS.has(id) ? id : "folder"),
      h("span", { class: "folder-name" }, name),
      unread ? h("span", { class: "badge" }, unread.toLocaleString(),
        h("span", { class: "unseen" }, " unread")) : null,
    );
    const more = folder.is_system ? null : iconButton("more", `Folder ${name}: more`,
      () => using("folder_menu", ({ openFolder }) => openFolder(this, more, folder)), { "aria-haspopup": "menu" });
    const fold = within.length ? iconButton("fold", isFolded ? `Show folders in ${name}` : `Hide folders in ${name}`,
      () => this.#fold(id), { class: "icon-button fold", "aria-expanded": String(!isFolded), "data-fold": id }) : null;
    const inside = within.length && !isFolded
      ? h("ul", { role: "list", "aria-label": `Folders in ${name}` }, within.map((each) => this.#item(each))) : null;
    return h("li", {}, h("div", { class: "folder-row" }, fold, link, more), inside);
  }
}
