// The page of a signed-in person: folders, list and mail side by side, and what joins them.

import { Compose } from "./compose.js";
import { Deeds } from "./deeds.js";
import { announce, confirm, toast } from "./dialogs.js";
import { h, icon, iconButton } from "./dom.js";
import { Folders } from "./folders.js";
import { nameOf } from "./format.js";
import { onKeys, shortcutsDialog } from "./keys.js";
import { List } from "./list.js";
import { Live } from "./live.js";
import { Mailbox } from "./mailbox.js";
import { Reader } from "./mail.js";
import { optionsDialog } from "./options.js";
import { readPlace, writePlace } from "./place.js";
import { forgetPush, keepPush } from "./push.js";
import { isThreaded, setThreaded, viewOf } from "./rows.js";
import { Search } from "./search.js";
import { canWait } from "./snooze.js";

const PATIENCE_MS = 3_000; // without a connection before it is told

export class Desk {
  #place = { view: null, mail: null };
  #unreadOnly = false;

  constructor({ client, me, banner, ahead, onSignedOut }) {
    Object.assign(this, { client, me, banner, onSignedOut });
    const trouble = (problem) => this.trouble(problem);
    this.mailbox = new Mailbox(client, trouble, ahead);
    this.compose = new Compose(client, me.address);
    const openFolder = (id) => this.go({ folder: id });
    this.folders = new Folders(this.mailbox, me, {
      open: openFolder, leaveLabel: () => openFolder("inbox"), compose: () => this.compose.open(), options: () => optionsDialog(client),
      signOut: () => this.signOut() });
    this.deeds = new Deeds(this);
    this.keys = onKeys(this.#shortcuts());
    this.list = new List(this.mailbox, {
      open: (line) => this.openLine(line),
      star: (line) => this.deeds.star(line),
      selection: () => this.#drawToolbar(),
      more: () => this.mailbox.more().catch(trouble),
      toggleUnread: () => this.#toggleUnread(),
      empty: (folder) => this.deeds.empty(folder),
      toggleThreads: () => this.#toggleThreads(),
    });
    this.reader = new Reader(this.mailbox, {
      back: () => this.back(),
      openId: (id) => this.open(id),
      reply: (email, kind) => this.deeds.reply(email, kind),
      star: (email) => this.deeds.star(email),
      flag: (lines, flags) => this.deeds.flag(lines, flags),
      spam: (lines, is) => this.deeds.report(this.#whole(lines), is),
      remove: (lines) => this.deeds.remove(this.#whole(lines)),
      moveMenu: (anchor, lines) => this.deeds.moveMenu(anchor, this.#whole(lines)),
      labelMenu: (anchor, lines) => this.deeds.labelMenu(anchor, lines),
      snoozeMenu: (anchor, lines) => this.deeds.snoozeMenu(anchor, this.#whole(lines)),
      composeTo: (to) => this.compose.open({ to }),
      write: (id) => this.compose.openDraft(id).catch(trouble),
      key: this.keys,
      trouble,
    });
    this.search = new Search({
      search: (text) => this.go({ search: text }),
      leave: () => this.leaveSearch(),
      menu: () => this.element.classList.toggle("has-drawer"),
    });
    this.element = h("div", { class: "desk", "data-pane": "list" },
      this.search.element,
      h("div", { class: "drawer-shade", onclick: () => this.element.classList.remove("has-drawer") }),
      this.folders.element,
      h("main", { class: "panes" }, this.list.element, this.reader.element),
      h("button", { type: "button", class: "write-button", "aria-label": "Write a mail",
        onclick: () => this.compose.open() }, icon("drafts")),
      this.compose.element);
    this.mailbox.addEventListener("folders", () => this.#drawTitle());
    this.mailbox.addEventListener("listing", () => this.#drawNote());
    this.mailbox.addEventListener("mail", (event) => this.#hear(event.detail));
    this.mailbox.addEventListener("mail", (event) => this.compose.hear(event.detail));
    this.onhash = () => this.#follow();
    this.live = new Live({
      token: client.token,
      cursor: me.cursor,
      onChange: (change) => this.mailbox.apply(change),
      onState: (is) => this.#connected(is),
      onLost: () => this.#lookAnew(),
      ask: (since) => client.changes(since),
    });
  }

  async start() {
    addEventListener("hashchange", this.onhash);
    document.addEventListener("keydown", this.keys);
    this.#drawToolbar();
    const opening = [this.#follow(), this.mailbox.loadFolders().catch((problem) => this.trouble(problem))];
    this.live.start();
    await Promise.all(opening);
    keepPush(this.client).catch(() => {}); // it is tried again when the page is opened next
  }

  close() {
    removeEventListener("hashchange", this.onhash);
    document.removeEventListener("keydown", this.keys);
    clearTimeout(this.telling);
    this.live.stop();
    this.list.close();
  }

  async signOut() {
    if (this.compose.isKept && !(await this.compose.settle())) {
      const question = "Sign out and discard the mail that you have not sent yet?";
      if (!(await confirm(question, { yes: "Sign out" }))) return;
      this.compose.forget();
    }
    await forgetPush(this.client).catch(() => {});
    location.hash = "";
    this.onSignedOut();
  }

  trouble(problem) {
    toast(problem.words ?? `Something went wrong in this page: ${problem}. Reload it.`, { isError: true });
  }

  // --- where we are ---------------------------------------------------------------------

  go(view, mail = null) {
    this.element.classList.remove("has-drawer");
    const hash = writePlace(view, mail);
    if (location.hash === hash) return this.#follow();
    location.hash = hash;
  }

  open(id) {
    this.list.activate(id, { focus: false });
    this.go(this.#place.view, id);
  }

  /** A draft is opened to be written on, anything else to be read. */
  async openLine(line) {
    if (line.folder_id !== "drafts") return this.open(line.email_id);
    this.list.activate(line.email_id, { focus: false });
    try {
      return await this.compose.openDraft(line.email_id);
    } catch (problem) {
      // Other mail can be put there, too.
      return problem.status === 404 ? this.open(line.email_id) : this.trouble(problem);
    }
  }

  back() {
    this.go(this.#place.view);
    if (this.list.activeId) this.list.activate(this.list.activeId);
  }

  leaveSearch() {
    this.search.text = "";
    if (this.#place.view?.search !== undefined) this.go({ folder: "inbox" });
    document.activeElement?.blur();
  }

  async #follow() {
    const place = readPlace(location.hash);
    const before = this.#place;
    this.#place = place;
    this.element.dataset.pane = place.mail ? "mail" : "list";
    const reading = place.mail ? this.reader.show(place.mail) : this.reader.clear();
    if (place.mail) this.list.activate(place.mail, { focus: false });
    if (writePlace(before.view) !== writePlace(place.view)) {
      this.#unreadOnly = false;
      await this.#showList();
      if (place.mail) this.list.activate(place.mail, { focus: false });
    }
    await reading;
  }

  async #showList() {
    const { view } = this.#place;
    this.search.text = view.search ?? "";
    this.list.reset(view.search === undefined ? this.#nameOf(view) : "Search results");
    this.#drawTitle();
    try {
      await this.mailbox.show(viewOf(view, this.#unreadOnly));
    } catch (problem) {
      if (view.search !== undefined && [400, 422].includes(problem.status)) {
        this.search.fail(problem);
        this.list.say("This search can’t be read.");
      } else {
        this.list.say(problem.words ?? String(problem));
      }
    }
  }

  #toggleUnread() {
    this.#unreadOnly = !this.#unreadOnly;
    return this.#showList();
  }

  #toggleThreads() {
    setThreaded(!isThreaded());
    return this.#showList();
  }

  // --- what is told ---------------------------------------------------------------------

  #drawTitle() {
    const unread = this.mailbox.folder("inbox")?.unread_count ?? 0;
    const { view } = this.#place;
    const name = view?.search === undefined ? this.#nameOf(view) : "Search";
    document.title = `${unread ? `(${unread}) ` : ""}${name} – Rillmail`;
    if (view?.folder || view?.label) this.list.title.textContent = name;
  }

  #nameOf(view) {
    if (view?.label === undefined) return this.mailbox.nameOf(view?.folder);
    return this.mailbox.label(view.label)?.name ?? "a label";
  }

  #drawNote() {
    const { lines, isLoading, view } = this.mailbox;
    if (lines.length) this.list.say("");
    else if (isLoading) this.list.say("Loading…");
    else if (view?.search !== undefined) this.list.say("Nothing was found. Try fewer or shorter words.");
    else if (view?.unreadOnly) this.list.say("Everything here is read.");
    else if (view) this.list.say("No mails here.");
  }

  async #hear(change) {
    if (change.type !== "email.added" || change.folder_id !== "inbox" || change.is_read) return;
    try {
      const { emails: [line] } = await this.client.listing("inbox", { limit: 1 });
      if (line) announce(`New mail from ${nameOf(line.from)}: ${line.subject || "(no subject)"}`);
    } catch {
      announce("New mail");
    }
  }

  #connected(is) {
    clearTimeout(this.telling);
    if (is) {
      this.banner.hidden = true;
      return;
    }
    this.telling = setTimeout(() => {
      this.banner.replaceChildren(
        "Not connected: new mail will appear when the connection is back. ",
        h("button", { type: "button", class: "link-button", onclick: () => this.live.retry() }, "Try now"));
      this.banner.hidden = false;
    }, PATIENCE_MS);
  }

  /** Changes were missed that are not kept any more: everything is read again. */
  async #lookAnew() {
    const me = await this.client.me();
    await Promise.all([this.mailbox.loadFolders(), this.mailbox.refresh()]);
    return me.cursor;
  }

  // --- what is done ---------------------------------------------------------------------

  /** The id of the mail that is open, or null. */
  get openId() {
    return this.#place.mail;
  }

  /** Back to the list, as far as the address tells. */
  closeMail() {
    this.go(this.#place.view);
  }

  selectNone() {
    this.list.selected.clear();
    this.list.draw();
    this.#drawToolbar();
  }

  /** The mails that keys and the toolbar act on. */
  get #chosen() {
    const selected = this.list.selectedLines;
    if (selected.length) return selected;
    const { email } = this.reader;
    if (email && this.#place.mail === email.email_id) return this.#whole([email]);
    return this.list.activeLine ? [this.list.activeLine] : [];
  }

  /** The rows of mails that are listed as conversations: what is moved is moved as a whole. */
  #whole(lines) {
    return lines.map((line) => this.mailbox.rowOf(line.email_id) ?? line);
  }

  #drawToolbar() {
    const lines = this.list.selectedLines;
    const { toolbar } = this.list;
    toolbar.hidden = !lines.length;
    if (!lines.length) return;
    const isAllRead = lines.every((line) => line.is_read);
    const isSpam = lines.every((line) => line.folder_id === "spam");
    const move = iconButton("move", "Move to a folder",
      () => this.deeds.moveMenu(move, this.list.selectedLines), { "aria-haspopup": "menu" });
    const label = iconButton("label", "Labels",
      () => this.deeds.labelMenu(label, this.list.selectedLines), { "aria-haspopup": "menu" });
    toolbar.replaceChildren(
      iconButton("close", "Select none", () => this.selectNone()),
      h("span", {}, `${lines.length} selected`),
      h("button", { type: "button", class: "chip", title: "Select all that are loaded", onclick: () => {
        this.mailbox.lines.forEach((line) => this.list.selected.add(line.email_id));
        this.list.draw();
        this.#drawToolbar();
      } }, "All"),
      h("span", { class: "gap" }),
      this.#bringBackButton(lines),
      iconButton(isAllRead ? "unread" : "read", isAllRead ? "Mark as unread" : "Mark as read",
        () => this.deeds.flag(this.list.selectedLines, { is_read: !isAllRead }).then(() => this.#drawToolbar())),
      move,
      label,
      this.#laterButton(lines),
      iconButton(isSpam ? "not-spam" : "spam", isSpam ? "Not spam" : "Report as spam",
        () => this.deeds.report(this.list.selectedLines, !isSpam)),
      iconButton("trash", "Delete", () => this.deeds.remove(this.list.selectedLines)));
  }

  #laterButton(lines) {
    if (!lines.every(canWait)) return "";
    const later = iconButton("later", "Put off until later",
      () => this.deeds.snoozeMenu(later, this.list.selectedLines), { "aria-haspopup": "menu" });
    return later;
  }

  #bringBackButton(lines) {
    const isAside = lines.every((line) => ["trash", "deleted"].includes(line.folder_id));
    return isAside ? iconButton("back", "Bring back",
      () => this.deeds.bringBack(this.list.selectedLines)) : "";
  }

  #shortcuts() {
    const step = (by) => {
      const line = this.list.neighbour(by);
      if (!line) return;
      if (this.#place.mail) this.openLine(line);
      else this.list.activate(line.email_id);
    };
    const chosen = (act) => () => this.#chosen.length && act(this.#chosen);
    const open = chosen(([line]) => this.openLine(line));
    const reply = (kind) => () => this.reader.email && this.deeds.reply(this.reader.email, kind);
    return {
      j: () => step(1),
      k: () => step(-1),
      Enter: open,
      o: open,
      Escape: () => (this.#place.mail ? this.back() : this.leaveSearch()),
      x: () => this.list.activeId && this.list.toggleSelected(this.list.activeId),
      u: chosen((lines) => this.deeds.flag(lines, { is_read: !lines.every((line) => line.is_read) })),
      s: chosen((lines) => this.deeds.flag(lines, { is_starred: !lines.every((line) => line.is_starred) })),
      "#": chosen((lines) => this.deeds.remove(lines)),
      Delete: chosen((lines) => this.deeds.remove(lines)),
      "!": chosen((lines) => this.deeds.report(lines, !lines.every((line) => line.folder_id === "spam"))),
      v: chosen((lines) => this.deeds.moveMenu(
        this.#place.mail ? this.reader.bar : this.list.title, lines)),
      l: chosen((lines) => this.deeds.labelMenu(
        this.#place.mail ? this.reader.bar : this.list.title, lines)),
      b: chosen((lines) => lines.every(canWait) && this.deeds.snoozeMenu(
        this.#place.mail ? this.reader.bar : this.list.title, lines)),
      c: () => this.compose.open(),
      r: reply("one"),
      a: reply("all"),
      f: reply("forward"),
      z: () => this.deeds.undo(),
      "/": () => this.search.input.focus(),
      "?": shortcutsDialog,
    };
  }
}
