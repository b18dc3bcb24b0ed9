// The list of mails. Only the rows in sight are in the document, however long the list is.

import { h, icon, iconButton, plural } from "./dom.js";
import { fullDate, nameOf, shortDate } from "./format.js";
import { labelMarks } from "./labels.js";

const ROW = 84; // px, as in panes.css
const MARGIN = 8; // rows beyond the edge
const LOAD_AHEAD = 20; // rows left below when the next stretch is fetched

export class List {
  selected = new Set();
  activeId = null; // the row that keys act on
  #drawn = new Map(); // email_id → {row, line, key}
  // What is in sight, px. Kept, as asking for it makes the browser lay out all that was just drawn.
  #top = 0;
  #height = innerHeight;

  /** `actions`: open(line), star(line), selection(), more(), toggleUnread(), toggleThreads(). */
  constructor(mailbox, actions) {
    this.mailbox = mailbox;
    this.actions = actions;
    this.title = h("h1", { class: "list-title", tabindex: "-1" });
    this.count = h("span", { class: "dim" });
    this.unreadOnly = h(
      "button",
      { type: "button", class: "chip", "aria-pressed": "false", onclick: actions.toggleUnread },
      "Unread",
    );
    this.threads = h(
      "button",
      { type: "button", class: "chip", "aria-pressed": "false", onclick: actions.toggleThreads,
        title: "Show the mails of a conversation as one row" },
      "Conversations",
    );
    this.emptying = h("div", { class: "emptying" });
    this.toolbar = h("div", { class: "toolbar", role: "toolbar", "aria-label": "Selected mails" });
    this.note = h("p", { class: "list-note", role: "status" });
    this.rows = h("ul", { class: "rows", role: "list", "aria-label": "Mails" });
    this.scroller = h("div", { class: "scroller", onscroll: () => this.#scrolled() }, this.rows);
    this.element = h(
      "section",
      { class: "pane list-pane", "aria-label": "List of mails" },
      h("header", { class: "pane-head" }, this.title, this.count, this.threads, this.unreadOnly),
      this.emptying,
      this.toolbar,
      this.note,
      this.scroller,
    );
    mailbox.addEventListener("listing", () => this.draw());
    mailbox.addEventListener("folders", () => this.draw()); // labels may be called otherwise
    new ResizeObserver(() => {
      this.#look();
      this.draw();
    }).observe(this.scroller);
    this.clock = setInterval(() => this.#redrawDates(), 60_000);
  }

  /** Stop drawing. */
  close() {
    clearInterval(this.clock);
  }

  /** Begin anew for another listing. */
  reset(title) {
    this.title.textContent = title;
    this.selected.clear();
    this.activeId = null;
    this.note.textContent = "";
    if (this.#top) this.#scrollTo(0);
    this.actions.selection();
  }

  /** Say something instead of mails. */
  say(text) {
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  get selectedLines() {
    return this.mailbox.lines.filter((line) => this.selected.has(line.email_id));
  }

  get activeLine() {
    return this.mailbox.lines[this.#activeIndex()] ?? null;
  }

  /** The mail `step` rows below the active one, or null. */
  neighbour(step) {
    const at = this.#activeIndex();
    return this.mailbox.lines[at + step] ?? null;
  }

  #activeIndex() {
    return this.mailbox.lines.findIndex((line) => this.#isActive(line));
  }

  #isActive(line) {
    return line.email_id === this.activeId || Boolean(line.thread?.email_ids.includes(this.activeId));
  }

  /** Make a row the active one and bring it into sight. */
  activate(id, { focus = true } = {}) {
    this.activeId = id;
    const at = this.#activeIndex();
    if (at < 0) return this.draw();
    this.#look();
    const highest = (at + 1) * ROW - this.#height;
    if (at * ROW < this.#top) this.#scrollTo(at * ROW);
    if (highest > this.#top) this.#scrollTo(highest);
    this.draw();
    const shown = this.mailbox.lines[at].email_id;
    if (focus) this.#drawn.get(shown)?.row.querySelector(".row-link").focus({ preventScroll: true });
  }

  /** Put the focus where keys go on: on the active row, or else on the name of the list. */
  focus() {
    if (this.activeLine) this.activate(this.activeId);
    else this.title.focus();
  }

  /** Whether it is to be seen: on a phone a mail stands in its place. */
  get isInSight() { return this.element.offsetParent !== null; }

  toggleSelected(id) {
    if (!this.selected.delete(id)) this.selected.add(id);
    this.draw();
    this.actions.selection();
  }

  #look() {
    this.#top = this.scroller.scrollTop;
    this.#height = this.scroller.clientHeight;
  }

  #scrollTo(top) {
    this.scroller.scrollTop = top;
    this.#look();
  }

  draw() {
    const { mailbox } = this;
    const { lines, total, isLoading, view } = mailbox;
    this.unreadOnly.setAttribute("aria-pressed", String(Boolean(view?.unreadOnly)));
    this.#drawEmptying(view?.folder, total);
    this.threads.setAttribute("aria-pressed", String(Boolean(view?.isThreaded)));
    this.threads.hidden = !view || view.folder === undefined || ["drafts", "deleted"].includes(view.folder);
    this.count.textContent = view && (lines.length || !isLoading) ? plural(total, "mail") : "";
    this.rows.style.height = `${lines.length * ROW}px`;
    this.rows.setAttribute("aria-busy", String(isLoading));
    const from = Math.max(0, Math.floor(this.#top / ROW) - MARGIN);
    const to = Math.ceil((this.#top + this.#height) / ROW) + MARGIN;
    const wanted = lines.slice(from, to).map((line, index) => [line, from + index]);
    // The row with the focus stays, or keys would go nowhere.
    const focused = document.activeElement?.closest?.(".row")?.dataset.emailId;
    const at = focused ? lines.findIndex((line) => line.email_id === focused) : -1;
    if (at >= 0 && at < from) wanted.unshift([lines[at], at]);
    if (at >= to) wanted.push([lines[at], at]);
    const ids = new Set(wanted.map(([line]) => line.email_id));
    this.#dropGone(lines);
    for (const [id, drawn] of this.#drawn) {
      if (ids.has(id)) continue;
      drawn.row.remove();
      this.#drawn.delete(id);
    }
    // How many conversations there are is known at the end alone (ARIA: -1).
    const size = !view?.isThreaded ? total : mailbox.hasMore ? -1 : lines.length;
    let previous = null;
    for (const [line, index] of wanted) previous = this.#place(line, index, size, previous);
  }

  /** What can be done with all of trash or spam at once; drawn anew only when it differs. */
  #drawEmptying(folder, total) {
    const key = ["trash", "spam", "deleted"].includes(folder) ? `${folder} ${total > 0}` : "";
    if (this.emptying.dataset.key === key) return;
    this.emptying.dataset.key = key;
    const button = h("button", { type: "button", class: "chip", onclick: () => this.actions.empty(folder) },
      folder === "deleted" ? "Forget them now" : `Empty ${this.mailbox.nameOf(folder)}`);
    const lately = h("a", { href: "#/folder/deleted" }, "Deleted lately");
    this.emptying.replaceChildren(...[key && total > 0 ? button : null, folder === "trash" ? lately : null]
      .filter(Boolean));
  }

  #dropGone(lines) {
    if (!this.selected.size) return;
    const known = new Set(lines.map((line) => line.email_id));
    const gone = [...this.selected].filter((id) => !known.has(id));
    if (!gone.length) return;
    gone.forEach((id) => this.selected.delete(id));
    this.actions.selection();
  }

  #place(line, index, total, previous) {
    const isSelected = this.selected.has(line.email_id);
    const isActive = this.#isActive(line);
    // Others never change.
    const text = line.folder_id === "drafts" || line.thread || line.marks ? JSON.stringify(line) : "";
    const labels = labelMarks(this.mailbox, line.labels);
    const key = [line.is_read, line.is_starred, line.folder_id, isSelected, isActive, text,
      ...labels.map((mark) => mark.outerHTML)].join();
    let drawn = this.#drawn.get(line.email_id);
    if (drawn?.key !== key) {
      const hadFocus = drawn?.row.contains(document.activeElement)
        ? document.activeElement.dataset.part
        : null;
      const row = this.#row(line, isSelected, isActive);
      if (drawn) drawn.row.replaceWith(row);
      if (hadFocus) row.querySelector(`[data-part="${hadFocus}"]`)?.focus({ preventScroll: true });
      drawn = { row, line, key };
      this.#drawn.set(line.email_id, drawn);
    }
    const { row } = drawn;
    row.style.transform = `translateY(${index * ROW}px)`;
    row.setAttribute("aria-posinset", String(index + 1));
    row.setAttribute("aria-setsize", String(total));
    // In the document in the list's order, so that reading and tabbing follow it.
    if (!row.isConnected && previous) previous.after(row);
    else if (!row.isConnected) this.rows.prepend(row);
    return row;
  }

  #row(line, isSelected, isActive) {
    const isOutgoing = line.folder_id === "sent" || line.folder_id === "drafts";
    const count = line.thread?.count ?? 1;
    const people = isOutgoing
      ? `To: ${line.to.map(nameOf).join(", ") || "nobody yet"}`
      : (line.thread?.participants ?? [line.from]).map(nameOf).join(", ");
    const subject = line.subject || "(no subject)";
    const state = [
      line.is_read ? null : "unread",
      line.is_starred ? "starred" : null,
      line.has_attachments ? "with attachment" : null,
      count > 1 ? plural(count, "mail") : null,
    ].filter(Boolean);
    const names = ["row", line.is_read ? "" : "is-unread", isActive ? "is-active" : ""];
    const select = h("input", {
      type: "checkbox",
      class: "row-select",
      "data-part": "select",
      "aria-label": `Select: ${subject}`,
      checked: isSelected,
      onchange: () => this.toggleSelected(line.email_id),
    });
    const link = h(
      "a",
      {
        class: "row-link",
        href: "#",
        "data-part": "link",
        "aria-current": isActive ? "true" : null,
        onclick: (event) => {
          event.preventDefault();
          this.actions.open(line);
        },
      },
      state.length ? h("span", { class: "unseen" }, `${state.join(", ")}: `) : null,
      h("span", { class: "row-from", dir: "auto" }, people,
        count > 1 ? h("span", { class: "row-count", "aria-hidden": "true" }, ` ${count}`) : null),
      h("time", { class: "row-date", datetime: line.created_at, title: fullDate(line.created_at) },
        shortDate(line.created_at)),
      h("span", { class: "row-subject", dir: "auto" }, line.subject && line.marks ? pieces(line.marks.subject) : subject),
      h("span", { class: "row-snippet" },
        this.mailbox.view?.folder === undefined
          ? h("span", { class: "tag" }, this.mailbox.nameOf(line.folder_id))
          : null,
        labelMarks(this.mailbox, line.labels),
        h("bdi", {}, line.marks?.text.length ? pieces(line.marks.text) : line.snippet)),
    );
    const star = iconButton("star", line.is_starred ? "Remove star" : "Star",
      () => this.actions.star(line), {
        class: `icon-button row-star${line.is_starred ? " is-on" : ""}`,
        "aria-pressed": String(line.is_starred),
        "data-part": "star",
      });
    const clip = line.has_attachments ? h("span", { class: "row-clip" }, icon("clip")) : null;
    const props = { class: names.join(" ").trim(), "data-email-id": line.email_id };
    return h("li", props, select, link, clip, star);
  }

  #scrolled() {
    this.#look();
    this.draw();
    const { mailbox } = this;
    const below = mailbox.lines.length * ROW - this.#top - this.#height;
    if (mailbox.hasMore && below < LOAD_AHEAD * ROW) this.actions.more();
  }

  #redrawDates() {
    for (const { row } of this.#drawn.values()) {
      const time = row.querySelector("time");
      time.textContent = shortDate(time.dateTime);
    }
  }
}

/** Text in which the words of a search are marked. */
function pieces(marks) {
  return marks.map(({ text, is_hit }) => (is_hit ? h("mark", {}, text) : text));
}
