// The mailbox as this page knows it: folders and labels, one listing, and every change to them.
//
// What a person does is shown at once, and taken back if the server refuses. What happens
// elsewhere arrives by `apply`. Whoever draws listens to "folders", "listing" and "mail".

import { changeAll, tellFailed } from "./batch.js";
import { PAGE, fetchPage, idOf, mailsOf } from "./rows.js";
import { SNOOZED } from "./snooze.js";

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
    this.#tell("folders");
  }

  /** Show another listing. Problems are raised: the listing is empty then. */
  async show(view) {
    this.view = view;
    this.#generation += 1;
    Object.assign(this, { lines: [], total: 0, hasMore: false, isLoading: false });
    this.#cursor = null;
    this.#tell("listing");
    await this.more();
  }

  /** Load the next stretch of the listing. */
  async more() {
    if (this.isLoading || (this.#cursor === null && this.lines.length)) return;
    const generation = this.#generation;
    this.isLoading = true;
    this.#tell("listing");
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
        this.#tell("listing");
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
    this.#tell("listing");
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
      this.#patch(id, { is_read, is_starred, labels });
      const { label } = this.view ?? {};
      if (label !== undefined && !labels.includes(label)) this.#take([id]);
      else if (label !== undefined && !this.lines.some((line) => line.email_id === id)) {
        this.#missedNewest = true;
      }
      const isShown = this.lines.some((line) => line.email_id === id);
      if (change.is_rewritten && isShown) this.#missedNewest = true; // a draft says something else
    } else if (type === "email.removed") {
      this.#take([id]);
    } else if (type === "email.moved" || type === "email.added") {
      if (this.view?.folder === undefined) {
        this.#patch(id, { folder_id: change.folder_id });
      } else if (change.folder_id !== this.view.folder) {
        this.#take([id]);
      }
      if (change.folder_id === this.view?.folder) this.#missedNewest = true;
    }
    if (type) this.#tell("mail", change);
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

  // --- what a person does ---------------------------------------------------------------

  /** Set `is_read` or `is_starred`; true if all are set. */
  async setFlags(lines, flags) {
    const before = lines.map((line) => ({ ...line }));
    for (const line of lines) {
      this.#count(line, flags);
      this.#patch(line.email_id, flags);
    }
    // Of a conversation one mail is starred; everything else is done to all of it.
    const mails = flags.is_starred ? lines : mailsOf(lines);
    return await this.#change(mails, () => flags, (failed) => {
      const kept = new Set(failed.map((mail) => mail.email_id));
      for (const line of before) {
        if (mailsOf([line]).some((mail) => kept.has(mail.email_id))) this.#patch(line.email_id, line);
      }
    });
  }

  /** Put a label on mails or take it off them, all at once; true if that is done. */
  async putLabel(lines, label_id, isOn) {
    const before = lines.map(({ email_id, labels = [] }) => ({ email_id, labels }));
    for (const { email_id, labels } of before) {
      const others = labels.filter((id) => id !== label_id);
      this.#patch(email_id, { labels: isOn ? [...others, label_id] : others });
    }
    const email_ids = mailsOf(lines).map((line) => line.email_id);
    try {
      await this.client.putLabels({ email_ids, [isOn ? "add" : "remove"]: [label_id] });
      if (!isOn && this.view?.label === label_id) this.#take(email_ids);
      return true;
    } catch (problem) {
      for (const { email_id, labels } of before) this.#patch(email_id, { labels });
      this.onTrouble(problem);
      return false;
    } finally {
      this.loadFolders().catch(() => {}); // counts follow with the next change
    }
  }

  /** Move to a folder; true if all are there. */
  move(lines, folder_id) {
    return this.#away(lines, { folder_id });
  }

  /** Report as spam or not spam: moves, and teaches the filter. */
  report(lines, is_spam) {
    return this.#away(lines, { is_spam });
  }

  /** Move to trash, or delete for good. */
  remove(lines, permanent) {
    return this.#away(lines, permanent ? { delete: true } : { folder_id: "trash" });
  }

  /** Put off until then, a Date; true if all are. */
  snooze(lines, until) {
    const item = { snooze_until: until.toISOString() };
    // They lie there already, and come back at another time.
    if (this.view?.folder === SNOOZED) return this.#change(mailsOf(lines), () => item);
    return this.#away(lines, item);
  }

  /** Bring mails back from trash, or that were deleted for good; true if that is done. */
  bringBack(lines) {
    const kept = this.lines;
    this.#take(lines.map((line) => line.email_id));
    const email_ids = mailsOf(lines).map((line) => line.email_id);
    const total = this.total;
    return this.#all(() => this.client.restore(email_ids), () => {
      this.lines = kept;
      this.total = total + email_ids.length;
    });
  }

  /** Delete all that lies in trash or spam, or was deleted; true if that is done. */
  empty(folder) {
    return this.#all(() => this.client.emptyFolder(folder));
  }

  async #all(act, takeBack = () => {}) {
    try {
      await act();
      return true;
    } catch (problem) {
      takeBack();
      this.#tell("listing");
      this.onTrouble(problem);
      return false;
    } finally {
      this.loadFolders().catch(() => {}); // counts follow with the next change
      this.refresh().catch(() => {});
    }
  }

  /** Put mails back where they were; `reported`: they had been reported as spam. */
  async restore(lines, reported = false) {
    const mails = mailsOf(lines);
    if (reported) await this.#change(mails, () => ({ is_spam: false }));
    const back = reported ? mails.filter(({ folder_id }) => folder_id !== "inbox") : mails;
    await this.#change(back, ({ folder_id }) => (folder_id === "spam" ? { is_spam: true } : { folder_id }));
    await this.refresh().catch(this.onTrouble);
  }

  async #away(lines, item) {
    const kept = this.lines;
    this.#take(lines.map((line) => line.email_id));
    const total = this.total;
    return await this.#change(mailsOf(lines), () => item, (failed) => {
      const left = new Set(failed.map((mail) => mail.email_id));
      const gone = new Set(lines.filter((line) => !mailsOf([line]).some((mail) => left.has(mail.email_id)))
        .map((line) => line.email_id));
      this.lines = kept.filter((line) => !gone.has(line.email_id));
      this.total = total + failed.length;
      this.#tell("listing");
      this.refresh().catch(() => {}); // the problem itself is told already
    });
  }

  /** Change mails by one request; what could not be changed is taken back and told. */
  async #change(mails, itemOf, takeBack = () => {}) {
    if (!mails.length) return true;
    const failed = await changeAll(this.client, mails, itemOf);
    if (failed.length) {
      takeBack(failed.map(({ mail }) => mail));
      tellFailed(failed, mails.length, this.onTrouble);
    }
    this.loadFolders().catch(() => {}); // counts follow with the next change
    return !failed.length;
  }

  #patch(id, fields) {
    const at = this.lines.findIndex((line) => line.email_id === id);
    if (at >= 0) {
      this.lines[at] = { ...this.lines[at], ...fields };
      this.#tell("listing");
    }
  }

  #take(ids) {
    const gone = new Set(ids);
    const left = this.lines.filter((line) => !gone.has(line.email_id));
    if (left.length === this.lines.length) return;
    this.total -= mailsOf(this.lines).length - mailsOf(left).length;
    this.lines = left;
    this.#tell("listing");
  }

  #count(line, { is_read }) {
    const folder = this.folder(line.folder_id);
    if (!folder || is_read === undefined || is_read === line.is_read || line.thread?.count > 1) return;
    folder.unread_count = Math.max(0, folder.unread_count + (is_read ? -1 : 1));
    this.#tell("folders");
  }

  #tell(what, detail = null) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
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
