// The mailbox as this page knows it: folders and labels, one listing, and every change to them.
//
// What happens elsewhere arrives by `apply`; what a person does, by changes.js. Whoever draws
// listens to "folders", "listing" and "mail".

import { unlessPressed } from "./press.js";
import { PAGE, fetchPage, idOf, mailsOf } from "./rows.js";

const LARGEST_PAGE = 500;
const FEWEST = 20; // rows that are loaded at once, where there are as many
const SETTLE_MS = 150; // a burst of changes costs one look

export class Mailbox extends EventTarget {
  folders = [];
  labels = [];
  lines = []; // of the listing, newest first, as far as loaded
  total = 0;
  hasMore = false;
  isLoading = false;
  view = null; // {folder}, {label} or {search}, unreadOnly, and isThreaded for conversations
  #cursor = null;
  #generation = 0; // so that an answer to an earlier view is dropped
  #asked = 0;
  #shownFolders = 0;
  #settling = null;
  #missedNewest = false;
  #ahead;

  /** `ahead` is what ``askAhead`` returns. */
  constructor(client, onTrouble, ahead = {}) {
    super();
    this.#ahead = { ...ahead };
    this.client = client;
    this.onTrouble = onTrouble;
  }

  folder(id) {
    return this.folders.find((folder) => folder.folder_id === id) ?? null;
  }

  label(id) {
    return this.labels.find((label) => label.label_id === id) ?? null;
  }

  /** The row that stands for a mail's conversation, or null. */
  rowOf(id) {
    return this.lines.find((line) => line.thread?.email_ids.includes(id)) ?? null;
  }

  nameOf(id) {
    return SYSTEM_NAMES[id] ?? this.folder(id)?.name ?? "a folder";
  }

  /** A folder's name, after those of the folders that it lies in. */
  pathOf(id) {
    return SYSTEM_NAMES[id] ?? this.folder(id)?.path ?? this.nameOf(id);
  }

  async loadFolders() {
    const asked = ++this.#asked;
    const [folders, labels] = await Promise.all([
      this.#early("folders") ?? this.client.folders(), this.#early("labels") ?? this.client.labels()]);
    if (asked < this.#shownFolders) return; // a later answer was faster
    this.#shownFolders = asked;
    Object.assign(this, { folders, labels });
    this.tell("folders");
  }

  /** Show another listing. Problems are raised: the listing is empty then. */
  async show(view) {
    this.view = view;
    this.#generation += 1;
    Object.assign(this, { lines: [], total: 0, hasMore: false, isLoading: false });
    this.#cursor = null;
    this.tell("listing");
    await this.more();
  }

  /** Load the next stretch of the listing. */
  async more() {
    if (this.isLoading || (this.#cursor === null && this.lines.length)) return;
    const generation = this.#generation;
    this.isLoading = true;
    this.tell("listing");
    try {
      const wanted = this.lines.length + FEWEST;
      do {
        const page = await this.#page(this.#cursor, PAGE);
        if (generation !== this.#generation) return;
        const known = new Set(this.lines.map(idOf));
        this.lines.push(...page.emails.filter((line) => !known.has(idOf(line))));
        this.#took(page);
        // A page of conversations may be short though there are more.
      } while (this.view.isThreaded && this.hasMore && this.lines.length < wanted);
    } finally {
      if (generation === this.#generation) {
        this.isLoading = false;
        this.tell("listing");
      }
    }
  }

  /** Look again at what is shown, from the top. */
  async refresh() {
    const generation = this.#generation;
    const shown = Math.min(LARGEST_PAGE, Math.max(PAGE, this.lines.length + 10));
    const page = await this.#page(null, shown);
    if (generation !== this.#generation) return;
    const last = page.emails.at(-1)?.email_id;
    // Ids sort by time: what lies beyond the page stays, the rest is as the page says.
    const listed = new Set(page.emails.map(idOf));
    const beyond = page.has_more
      ? this.lines.filter((line) => line.email_id < last && !listed.has(idOf(line))) : [];
    this.lines = [...page.emails, ...beyond];
    if (beyond.length) Object.assign(this, { total: page.total_count });
    else this.#took(page);
    this.tell("listing");
  }

  #took(page) {
    this.total = page.total_count;
    this.hasMore = page.has_more;
    this.#cursor = page.next_cursor;
  }

  #page(cursor, limit) {
    const early = this.#early("listing");
    if (early && cursor === null && limit === PAGE && sameView(early.view, this.view)) return early.page;
    return fetchPage(this.client, this.view, cursor, limit);
  }

  /** Take what was asked for before this was there, or undefined. */
  #early(name) {
    const asked = this.#ahead[name];
    delete this.#ahead[name];
    return asked;
  }

  // --- what happened elsewhere --------------------------------------------------------

  /** Take one change that the server tells. */
  apply(change) {
    const { type, email_id: id } = change;
    if (this.view?.isThreaded && /^(email|thread)\./.test(type)) {
      this.#missedNewest = true; // what a row tells is of several mails: it is asked for again
    } else if (type === "email.updated") {
      const { is_read, is_starred, labels = [] } = change;
      this.patch(id, { is_read, is_starred, labels });
      const { label } = this.view ?? {};
      if (label !== undefined && !labels.includes(label)) this.take([id]);
      else if (label !== undefined && !this.lines.some((line) => line.email_id === id)) {
        this.#missedNewest = true;
      }
      const isShown = this.lines.some((line) => line.email_id === id);
      if (change.is_rewritten && isShown) this.#missedNewest = true; // a draft says something else
    } else if (type === "email.removed") {
      this.take([id]);
    } else if (type === "email.moved" || type === "email.added") {
      if (this.view?.folder === undefined) {
        this.patch(id, { folder_id: change.folder_id });
      } else if (change.folder_id !== this.view.folder) {
        this.take([id]);
      }
      if (change.folder_id === this.view?.folder) this.#missedNewest = true;
    }
    if (type) this.tell("mail", change);
    this.#settling ??= setTimeout(() => this.#settle(), SETTLE_MS);
  }

  async #settle() {
    this.#settling = null;
    const newest = this.#missedNewest;
    this.#missedNewest = false;
    try {
      await Promise.all([this.loadFolders(), newest ? this.refresh() : null]);
    } catch (problem) {
      this.#missedNewest ||= newest;
      if (problem.status) this.onTrouble(problem);
      else this.#settling ??= setTimeout(() => this.#settle(), 5_000); // offline: told elsewhere
    }
  }

  // --- what is drawn anew ---------------------------------------------------------------

  /** Fields of a mail changed: its row shows it. */
  patch(id, fields) {
    const at = this.lines.findIndex((line) => line.email_id === id);
    if (at >= 0) {
      this.lines[at] = { ...this.lines[at], ...fields };
      this.tell("listing");
    }
  }

  /** Mails are not listed here any more. */
  take(ids) {
    const gone = new Set(ids);
    const left = this.lines.filter((line) => !gone.has(line.email_id));
    if (left.length === this.lines.length) return;
    this.total -= mailsOf(this.lines).length - mailsOf(left).length;
    this.lines = left;
    this.tell("listing");
  }

  /** Tell whoever draws; after the click, while something is pressed. */
  tell(what, detail = null) {
    unlessPressed(() => this.dispatchEvent(new CustomEvent(what, { detail })));
  }
}

function sameView(one, other) {
  return ["folder", "label", "search", "unreadOnly", "isThreaded"].every((name) => one[name] === other[name]);
}

export const SYSTEM_NAMES = {
  inbox: "Inbox",
  sent: "Sent",
  drafts: "Drafts",
  spam: "Spam",
  trash: "Trash",
  deleted: "Deleted lately",
};
