// The page of a signed-in person: folders, list and mail side by side, and what joins them.

import { h, icon } from "./dom.js";
import { Folders } from "./folders.js";
import { nameOf } from "./format.js";
import { onKeys, shortcutsOf } from "./keys.js";
import { fetchAll, later, using, whenIdle } from "./later.js";
import { List } from "./list.js";
import { Live } from "./live.js";
import { Mailbox } from "./mailbox.js";
import { announce, toast } from "./notices.js";
import { readPlace, writePlace } from "./place.js";
import { isThreaded, setThreaded, viewOf } from "./rows.js";
import { Search } from "./search.js";

const PATIENCE_MS = 3_000; // without a connection before it is told

export class Desk {
  #place = { view: null, mail: null };
  #unreadOnly = false;
  #isMissed = false; // the listing could not be read: it is tried again

  constructor({ client, me, banner, ahead, onSignedOut }) {
    Object.assign(this, { client, me, banner, onSignedOut });
    this.tools = null; // until they are there: what does something with them says `use`
    const trouble = (problem) => this.trouble(problem);
    const write = () => this.use(({ compose }) => compose.open());
    this.mailbox = new Mailbox(client, trouble, ahead);
    this.folders = new Folders(this.mailbox, me, {
      open: (id) => this.go({ folder: id }),
      follow: (hash) => this.go(readPlace(hash).view),
      leaveLabel: () => this.go({ folder: "inbox" }),
      compose: () => {
        this.closeDrawer();
        write();
      },
      options: () => {
        this.closeDrawer();
        this.use(({ compose }) => using("options", ({ optionsDialog }) =>
          optionsDialog(this.mailbox, compose.identities)));
      },
      signOut: () => this.signOut(),
    });
    this.list = new List(this.mailbox, {
      open: (line) => this.openLine(line),
      star: (line) => this.use(({ deeds }) => deeds.star(line)),
      selection: () => this.#drawToolbar(),
      more: () => this.mailbox.more().catch(trouble),
      toggleUnread: () => this.#toggleUnread(),
      empty: (folder) => this.use(({ deeds }) => deeds.empty(folder)),
      toggleThreads: () => this.#toggleThreads(),
    });
    this.pane = h("section", { class: "pane mail-pane", "aria-label": "Mail", tabindex: "-1" });
    this.showNothing();
    this.search = new Search({
      search: (text) => this.go({ search: text }),
      leave: () => this.leaveSearch(),
      menu: () => this.closeDrawer() || this.#openDrawer(),
    });
    this.element = h("div", { class: "desk", "data-pane": "list" },
      this.search.element,
      h("div", { class: "drawer-shade", onclick: () => this.closeDrawer() }),
      this.folders.element,
      h("main", { class: "panes" }, this.list.element, this.pane),
      h("button", { type: "button", class: "write-button", "aria-label": "Write a mail", onclick: write },
        icon("drafts")));
    this.keys = onKeys(shortcutsOf(this));
    this.mailbox.addEventListener("folders", () => this.#drawTitle());
    this.mailbox.addEventListener("listing", () => this.#drawNote());
    this.mailbox.addEventListener("mail", (event) => this.#hear(event.detail));
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
    await whenIdle();
    await fetchAll();
    if (this.live.stopped) return; // signed out meanwhile
    await this.use(({ compose }) => compose.resume());
    // It is tried again when the page is opened next.
    await later("push").then(({ keepPush }) => keepPush(this.client)).catch(() => {});
  }

  close() {
    removeEventListener("hashchange", this.onhash);
    document.removeEventListener("keydown", this.keys);
    clearTimeout(this.telling);
    this.live.stop();
    this.list.close();
    this.tools?.compose.detach();
  }

  async signOut() {
    if (!(await this.use((tools) => tools.leave()))) return;
    location.hash = "";
    this.onSignedOut();
  }

  trouble(problem) {
    toast(problem.words ?? `Something went wrong in this page: ${problem}. Reload it.`, { isError: true });
  }

  // --- where we are ---------------------------------------------------------------------

  #openDrawer() {
    this.element.classList.add("has-drawer");
    this.search.menu.setAttribute("aria-expanded", "true");
    this.folders.focus();
  }

  /** Close the drawer of folders; true if it was open. */
  closeDrawer() {
    const hasFocus = this.folders.element.contains(document.activeElement);
    const wasOpen = this.element.classList.contains("has-drawer");
    this.element.classList.remove("has-drawer");
    this.search.menu.setAttribute("aria-expanded", "false");
    if (wasOpen && hasFocus) this.search.menu.focus();
    return wasOpen;
  }

  go(view, mail = null) {
    this.closeDrawer();
    const hash = writePlace(view, mail);
    if (location.hash === hash) return this.#follow({ isAgain: !mail });
    location.hash = hash;
  }

  open(id) {
    this.list.activate(id, { focus: false });
    this.go(this.#place.view, id);
  }

  /** A draft is opened to be written on, anything else to be read. */
  openLine(line) {
    if (line.folder_id !== "drafts") return this.open(line.email_id);
    this.list.activate(line.email_id, { focus: false });
    return this.use((tools) => tools.openDraft(line.email_id));
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

  /** Show what the address says; `isAgain`: the person asked for what is shown already. */
  async #follow({ isAgain = false } = {}) {
    const place = readPlace(location.hash);
    const before = this.#place;
    this.#place = place;
    this.element.dataset.pane = place.mail ? "mail" : "list";
    const hadFocus = this.pane.contains(document.activeElement);
    const reading = place.mail ? this.#read(place.mail) : this.#close();
    if (place.mail && !this.list.isInSight) this.pane.focus();
    if (before.mail && !place.mail && (hadFocus || document.activeElement === document.body)) this.list.focus();
    if (place.mail) this.list.activate(place.mail, { focus: false });
    const isOther = writePlace(before.view) !== writePlace(place.view);
    if (isOther) this.#unreadOnly = false;
    if (isOther || (isAgain && (this.#isMissed || place.view.search !== undefined))) {
      await this.#showList();
      if (place.mail) this.list.activate(place.mail, { focus: false });
    }
    await reading;
  }

  async #read(id) {
    if (!this.tools) this.#fillPane("status", "Opening…");
    try {
      await later("tools");
    } catch (problem) {
      this.#fillPane("alert", h("p", {}, problem.words),
        h("button", { type: "button", class: "button", onclick: () => this.#read(id) }, "Try again"));
      return;
    }
    // Where we are may have changed meanwhile.
    await this.use(({ reader }) => this.openId === id && reader.show(id));
  }

  #close() {
    if (this.tools) this.tools.reader.clear();
    else this.showNothing();
  }

  /** Say in place of a mail that none is open. */
  showNothing() {
    this.#fillPane(null, icon("read"), h("p", {}, "Choose a mail to read it here."),
      h("p", { class: "dim" }, "Press ", h("kbd", {}, "?"), " for keyboard shortcuts."));
  }

  #fillPane(role, ...content) {
    this.pane.replaceChildren(h("div", { class: "nothing", role }, ...content));
  }

  async #showList() {
    const { view } = this.#place;
    this.search.text = view.search ?? "";
    this.list.reset(view.search === undefined ? this.#nameOf(view) : "Search results");
    this.#drawTitle();
    this.#isMissed = false;
    try {
      await this.mailbox.show(viewOf(view, this.#unreadOnly));
    } catch (problem) {
      this.#isMissed = view === this.#place.view;
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
      if (this.#isMissed) this.#showList();
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

  /** Do something with the tools, once they are there. */
  use(act) {
    return using("tools", ({ Tools }) => act(this.tools ??= new Tools(this)));
  }

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

  selectAll() {
    this.mailbox.lines.forEach((line) => this.list.selected.add(line.email_id));
    this.list.draw();
    this.#drawToolbar();
  }

  #drawToolbar() {
    if (this.list.selected.size) this.use((tools) => tools.drawToolbar());
    else this.list.toolbar.hidden = true;
  }
}
