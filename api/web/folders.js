// The tree of folders with their unread counts; custom ones are made, renamed, moved and deleted here.

import { askFor, confirm, openMenu, toast } from "./dialogs.js";
import { h, icon, iconButton, plural } from "./dom.js";
import { Labels } from "./labels.js";
import { SYSTEM_NAMES } from "./mailbox.js";
import { quarantineDialog } from "./quarantine.js";

const FOLDED = "rillmail.folded"; // in this browser: folders whose own are not shown
const ICONS = new Set(Object.keys(SYSTEM_NAMES).filter((id) => id !== "deleted"));

export class Folders {
  #drawn = "";
  #folded = new Set(JSON.parse(localStorage.getItem(FOLDED) ?? "[]"));

  /** `actions`: open(folderId), leaveLabel(), compose(), options(), signOut(). */
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
      new Labels(mailbox, actions).element,
      me.is_admin ? h("a", { class: "folder-add", href: "/web/topology.html" },
        icon("move"), "How mail flows") : null,
      me.is_admin ? h("button", { type: "button", class: "folder-add",
        onclick: () => quarantineDialog(mailbox.client) }, icon("spam"), "Quarantine") : null,
      h("footer", { class: "me" },
        h("span", { class: "me-address", title: me.address }, me.address),
        iconButton("gear", "Settings", actions.options),
        iconButton("out", "Sign out", actions.signOut)),
    );
    mailbox.addEventListener("folders", () => this.draw());
    mailbox.addEventListener("listing", () => this.#mark());
  }

  draw() {
    // A link that is drawn anew while it is pressed is not followed: what did not change stays.
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
  #whole(folder) {
    return [folder, ...this.#within(folder.folder_id).flatMap((each) => this.#whole(each))];
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
    const unread = (isFolded ? this.#whole(folder) : [folder]).reduce((sum, each) => sum + each.unread_count, 0);
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
        { label: "New folder inside…", run: () => this.#create(folder) },
        { label: "Rename…", run: () => this.#rename(folder) },
        { label: "Move to…", run: () => this.#moveMenu(more, folder) },
        { label: "Delete…", run: () => this.#remove(folder) },
      ]), { "aria-haspopup": "menu" });
    const fold = within.length ? iconButton("fold", isFolded ? `Show folders in ${name}` : `Hide folders in ${name}`,
      () => this.#fold(id), { class: "icon-button fold", "aria-expanded": String(!isFolded), "data-fold": id }) : null;
    const inside = within.length && !isFolded
      ? h("ul", { role: "list", "aria-label": `Folders in ${name}` }, within.map((each) => this.#item(each))) : null;
    return h("li", {}, h("div", { class: "folder-row" }, fold, link, more), inside);
  }

  #moveMenu(anchor, folder) {
    const own = new Set(this.#whole(folder).map((each) => each.folder_id));
    const targets = this.mailbox.folders.filter((each) =>
      !each.is_system && !own.has(each.folder_id) && each.folder_id !== folder.parent_id);
    const put = (parent_id) => async () => {
      try {
        await this.mailbox.client.changeFolder(folder.folder_id, { parent_id });
        await this.mailbox.loadFolders();
      } catch (problem) {
        toast(problem.words ?? String(problem), { isError: true });
      }
    };
    openMenu(anchor, `Move ${folder.name} to`, [
      ...(folder.parent_id ? [{ label: "Out of all folders", run: put(null) }] : []),
      ...targets.map((each) => ({ label: this.mailbox.pathOf(each.folder_id), run: put(each.folder_id) })),
    ]);
  }

  #create(parent = null) {
    const title = parent ? `New folder in ${parent.name}` : "New folder";
    askFor(title, "Name", { yes: "Create", act: async (name) => {
      const made = await this.mailbox.client.createFolder({ name, parent_id: parent?.folder_id ?? null });
      await this.mailbox.loadFolders();
      if (made?.folder_id) this.actions.open(made.folder_id);
    } });
  }

  #rename(folder) {
    askFor("Rename folder", "Name", { value: folder.name, yes: "Rename", act: async (name) => {
      await this.mailbox.client.changeFolder(folder.folder_id, { name });
      await this.mailbox.loadFolders();
    } });
  }

  async #remove(folder) {
    const whole = this.#whole(folder);
    const total = whole.reduce((sum, each) => sum + each.total_count, 0);
    const what = whole.length > 1 ? `It and ${plural(whole.length - 1, "folder")} inside go; ` : "";
    const detail = what + (total
      ? `${what ? "their" : "Its"} ${plural(total, "mail")} will be moved to Trash.`
      : `${what ? "they are" : "It is"} empty.`);
    if (!(await confirm(`Delete the folder “${folder.name}”?`, { detail }))) return;
    try {
      await this.mailbox.client.deleteFolder(folder.folder_id);
      const isOpen = whole.some((each) => each.folder_id === this.mailbox.view?.folder);
      if (isOpen) this.actions.open("inbox");
      await this.mailbox.loadFolders();
    } catch (problem) {
      toast(problem.words, { isError: true });
    }
  }
}
