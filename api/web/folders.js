// The folders with their unread counts; custom ones are made, renamed and deleted here.

import { askFor, confirm, openMenu, toast } from "./dialogs.js";
import { h, icon, iconButton, plural } from "./dom.js";
import { SYSTEM_NAMES } from "./mailbox.js";

const ICONS = new Set(Object.keys(SYSTEM_NAMES));

export class Folders {
  /** `actions`: open(folderId), compose(), options(), signOut(). */
  constructor(mailbox, me, actions) {
    this.mailbox = mailbox;
    this.actions = actions;
    this.items = h("ul", { class: "folders", role: "list" });
    this.element = h(
      "nav",
      { class: "pane folder-pane", "aria-label": "Folders" },
      h("button", { type: "button", class: "button is-main compose-button",
        onclick: actions.compose }, icon("drafts"), "Write a mail"),
      this.items,
      h("button", { type: "button", class: "folder-add", onclick: () => this.#create() },
        icon("plus"), "New folder"),
      h("footer", { class: "me" },
        h("span", { class: "me-address", title: me.address }, me.address),
        iconButton("gear", "Settings", actions.options),
        iconButton("out", "Sign out", actions.signOut)),
    );
    mailbox.addEventListener("folders", () => this.draw());
    mailbox.addEventListener("listing", () => this.#mark());
  }

  draw() {
    const focused = this.items.contains(document.activeElement)
      ? document.activeElement.dataset.folderId
      : null;
    this.items.replaceChildren(...this.mailbox.folders.map((folder) => this.#item(folder)));
    this.#mark();
    if (focused) this.items.querySelector(`[data-folder-id="${CSS.escape(focused)}"]`)?.focus();
  }

  #mark() {
    for (const link of this.items.querySelectorAll("a")) {
      const isCurrent = link.dataset.folderId === this.mailbox.view?.folder;
      if (isCurrent) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  #item(folder) {
    const { folder_id: id, unread_count: unread, total_count: total } = folder;
    const name = this.mailbox.nameOf(id);
    const link = h(
      "a",
      { href: `#/folder/${encodeURIComponent(id)}`, "data-folder-id": id,
        class: unread ? "folder is-unread" : "folder", title: `${name}: ${plural(total, "mail")}` },
      icon(ICONS.has(id) ? id : "folder"),
      h("span", { class: "folder-name" }, name),
      unread ? h("span", { class: "badge" }, unread.toLocaleString(),
        h("span", { class: "unseen" }, " unread")) : null,
    );
    const more = folder.is_system ? null : iconButton("more", `Folder ${name}: more`, () =>
      openMenu(more, `Folder ${name}`, [
        { label: "Rename…", run: () => this.#rename(folder) },
        { label: "Delete…", run: () => this.#remove(folder) },
      ]), { "aria-haspopup": "menu" });
    return h("li", {}, link, more);
  }

  #create() {
    askFor("New folder", "Name", { yes: "Create", act: async (name) => {
      const made = await this.mailbox.client.createFolder(name);
      await this.mailbox.loadFolders();
      if (made?.folder_id) this.actions.open(made.folder_id);
    } });
  }

  #rename(folder) {
    askFor("Rename folder", "Name", { value: folder.name, yes: "Rename", act: async (name) => {
      await this.mailbox.client.renameFolder(folder.folder_id, name);
      await this.mailbox.loadFolders();
    } });
  }

  async #remove(folder) {
    const detail = folder.total_count
      ? `Its ${plural(folder.total_count, "mail")} will be moved to Trash.`
      : "It is empty.";
    if (!(await confirm(`Delete the folder “${folder.name}”?`, { detail }))) return;
    try {
      await this.mailbox.client.deleteFolder(folder.folder_id);
      if (this.mailbox.view?.folder === folder.folder_id) this.actions.open("inbox");
      await this.mailbox.loadFolders();
    } catch (problem) {
      toast(problem.words, { isError: true });
    }
  }
}
