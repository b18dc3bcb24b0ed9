// What a person does to mails: shown at once, and taken back if the server refuses.

import { changeAll, tellFailed } from "./batch.js";
import { SNOOZED, mailsOf } from "./rows.js";

export class Edits {
  constructor(mailbox) {
    this.mailbox = mailbox;
  }

  /** Set `is_read` or `is_starred`; true if all are set. */
  async setFlags(lines, flags) {
    const before = lines.map((line) => ({ ...line }));
    for (const line of lines) {
      this.#count(line, flags);
      this.mailbox.patch(line.email_id, flags);
    }
    // Of a conversation one mail is starred; everything else is done to all of it.
    const mails = flags.is_starred ? lines : mailsOf(lines);
    return await this.#change(mails, () => flags, (failed) => {
      const kept = new Set(failed.map((mail) => mail.email_id));
      for (const line of before) {
        if (mailsOf([line]).some((mail) => kept.has(mail.email_id))) this.mailbox.patch(line.email_id, line);
      }
    });
  }

  /** Put a label on mails or take it off them, all at once; true if that is done. */
  async putLabel(lines, label_id, isOn) {
    const before = lines.map(({ email_id, labels = [] }) => ({ email_id, labels }));
    for (const { email_id, labels } of before) {
      const others = labels.filter((id) => id !== label_id);
      this.mailbox.patch(email_id, { labels: isOn ? [...others, label_id] : others });
    }
    const email_ids = mailsOf(lines).map((line) => line.email_id);
    try {
      await this.mailbox.client.putLabels({ email_ids, [isOn ? "add" : "remove"]: [label_id] });
      if (!isOn && this.mailbox.view?.label === label_id) this.mailbox.take(email_ids);
      return true;
    } catch (problem) {
      for (const { email_id, labels } of before) this.mailbox.patch(email_id, { labels });
      this.mailbox.onTrouble(problem);
      return false;
    } finally {
      this.mailbox.loadFolders().catch(() => {}); // counts follow with the next change
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
    if (this.mailbox.view?.folder === SNOOZED) return this.#change(mailsOf(lines), () => item);
    return this.#away(lines, item);
  }

  /** Bring mails back from trash, or that were deleted for good; true if that is done. */
  bringBack(lines) {
    const kept = this.mailbox.lines;
    this.mailbox.take(lines.map((line) => line.email_id));
    const email_ids = mailsOf(lines).map((line) => line.email_id);
    const total = this.mailbox.total;
    return this.#all(() => this.mailbox.client.restore(email_ids), () => {
      this.mailbox.lines = kept;
      this.mailbox.total = total + email_ids.length;
    });
  }

  /** Delete all that lies in trash or spam, or was deleted; true if that is done. */
  empty(folder) {
    return this.#all(() => this.mailbox.client.emptyFolder(folder));
  }

  async #all(act, takeBack = () => {}) {
    try {
      await act();
      return true;
    } catch (problem) {
      takeBack();
      this.mailbox.tell("listing");
      this.mailbox.onTrouble(problem);
      return false;
    } finally {
      this.mailbox.loadFolders().catch(() => {}); // counts follow with the next change
      this.mailbox.refresh().catch(() => {});
    }
  }

  /** Put mails back where they were; `reported`: they had been reported as spam. */
  async restore(lines, reported = false) {
    const mails = mailsOf(lines);
    if (reported) await this.#change(mails, () => ({ is_spam: false }));
    const back = reported ? mails.filter(({ folder_id }) => folder_id !== "inbox") : mails;
    await this.#change(back, ({ folder_id }) => (folder_id === "spam" ? { is_spam: true } : { folder_id }));
    await this.mailbox.refresh().catch(this.mailbox.onTrouble);
  }

  async #away(lines, item) {
    const kept = this.mailbox.lines;
    this.mailbox.take(lines.map((line) => line.email_id));
    const total = this.mailbox.total;
    return await this.#change(mailsOf(lines), () => item, (failed) => {
      const left = new Set(failed.map((mail) => mail.email_id));
      const gone = new Set(lines.filter((line) => !mailsOf([line]).some((mail) => left.has(mail.email_id)))
        .map((line) => line.email_id));
      this.mailbox.lines = kept.filter((line) => !gone.has(line.email_id));
      this.mailbox.total = total + failed.length;
      this.mailbox.tell("listing");
      this.mailbox.refresh().catch(() => {}); // the problem itself is told already
    });
  }

  /** Change mails by one request; what could not be changed is taken back and told. */
  async #change(mails, itemOf, takeBack = () => {}) {
    if (!mails.length) return true;
    const failed = await changeAll(this.mailbox.client, mails, itemOf);
    if (failed.length) {
      takeBack(failed.map(({ mail }) => mail));
      tellFailed(failed, mails.length, this.mailbox.onTrouble);
    }
    this.mailbox.loadFolders().catch(() => {}); // counts follow with the next change
    return !failed.length;
  }

  #count(line, { is_read }) {
    const folder = this.mailbox.folder(line.folder_id);
    if (!folder || is_read === undefined || is_read === line.is_read || line.thread?.count > 1) return;
    folder.unread_count = Math.max(0, folder.unread_count + (is_read ? -1 : 1));
    this.mailbox.tell("folders");
  }
}
