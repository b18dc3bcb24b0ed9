// The mailbox as this page knows it: folders, one listing, and every change to them.
//
// What a person does is shown at once, and taken back if the server refuses. What happens
// elsewhere arrives by `apply`. Whoever draws listens to "folders", "listing" and "mail".

const PAGE = 50;
const LARGEST_PAGE = 500;
const SETTLE_MS = 150; // a burst of changes costs one look

export class Mailbox extends EventTarget {
  folders = [];
  lines = []; // of the listing, newest first, as far as loaded
  total = 0;
  hasMore = false;
  isLoading = false;
  view = null; // {folder} or {search}, and unreadOnly
  #cursor = null;
  #generation = 0; // so that an answer to an earlier view is dropped
  #asked = 0;
  #shownFolders = 0;
  #settling = null;
  #missedNewest = false;

  constructor(client, onTrouble) {
    super();
    this.client = client;
    this.onTrouble = onTrouble;
  }

  folder(id) {
    return this.folders.find((folder) => folder.folder_id === id) ?? null;
  }

  nameOf(id) {
    return SYSTEM_NAMES[id] ?? this.folder(id)?.name ?? "a folder";
  }

  async loadFolders() {
    const asked = ++this.#asked;
    const folders = await this.client.folders();
    if (asked < this.#shownFolders) return; // a later answer was faster
    this.#shownFolders = asked;
    this.folders = folders;
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
      const page = await this.#page(this.#cursor, PAGE);
      if (generation !== this.#generation) return;
      const known = new Set(this.lines.map((line) => line.email_id));
      this.lines.push(...page.emails.filter((line) => !known.has(line.email_id)));
      this.#took(page);
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
    const beyond = page.has_more ? this.lines.filter((line) => line.email_id < last) : [];
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
    const { folder, search, unreadOnly } = this.view;
    const query = { limit, cursor, is_read: unreadOnly ? false : null };
    return folder !== undefined
      ? this.client.listing(folder, query)
      : this.client.search({ ...query, query: search });
  }

  // --- what happened elsewhere --------------------------------------------------------

  /** Take one change that the server tells. */
  apply(change) {
    const { type, email_id: id } = change;
    if (type === "email.updated") {
      this.#patch(id, { is_read: change.is_read, is_starred: change.is_starred });
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
    return await this.#each(lines, (line) => this.client.change(line.email_id, flags), () => {
      for (const line of before) this.#patch(line.email_id, line);
    });
  }

  /** Move to a folder; true if all are there. */
  move(lines, folder_id) {
    return this.#away(lines, (line) => this.client.change(line.email_id, { folder_id }));
  }

  /** Report as spam or not spam: moves, and teaches the filter. */
  report(lines, is_spam) {
    return this.#away(lines, (line) => this.client.change(line.email_id, { is_spam }));
  }

  /** Move to trash, or delete for good. */
  remove(lines, permanent) {
    return this.#away(lines, (line) => this.client.remove(line.email_id, permanent));
  }

  /** Put mails back where they were; `reported`: they had been reported as spam. */
  async restore(lines, reported = false) {
    await this.#each(lines, async ({ email_id, folder_id }) => {
      if (reported) await this.client.change(email_id, { is_spam: false });
      if (folder_id === "spam") await this.client.change(email_id, { is_spam: true });
      else if (!reported || folder_id !== "inbox") await this.client.change(email_id, { folder_id });
    });
    await this.refresh().catch(this.onTrouble);
  }

  async #away(lines, act) {
    const kept = this.lines;
    this.#take(lines.map((line) => line.email_id));
    const total = this.total;
    return await this.#each(lines, act, () => {
      this.lines = kept;
      this.total = total + lines.length;
      this.#tell("listing");
      this.refresh().catch(() => {}); // the problem itself is told already
    });
  }

  async #each(lines, act, takeBack = () => {}) {
    const waiting = [...lines];
    let problem = null;
    const worker = async () => {
      for (let line = waiting.shift(); line; line = waiting.shift()) {
        try {
          await act(line);
        } catch (error) {
          problem ??= error;
        }
      }
    };
    await Promise.all(Array.from({ length: 4 }, worker));
    if (problem) {
      takeBack();
      this.onTrouble(problem);
    }
    this.loadFolders().catch(() => {}); // counts follow with the next change
    return problem === null;
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
    this.total -= this.lines.length - left.length;
    this.lines = left;
    this.#tell("listing");
  }

  #count(line, { is_read }) {
    const folder = this.folder(line.folder_id);
    if (!folder || is_read === undefined || is_read === line.is_read) return;
    folder.unread_count = Math.max(0, folder.unread_count + (is_read ? -1 : 1));
    this.#tell("folders");
  }

  #tell(what, detail = null) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}

export const SYSTEM_NAMES = {
  inbox: "Inbox",
  sent: "Sent",
  drafts: "Drafts",
  spam: "Spam",
  trash: "Trash",
};
