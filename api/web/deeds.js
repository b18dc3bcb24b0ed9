// What is done to mails: flags, labels, moving, deleting with undo, replies.

import { confirm, openMenu } from "./dialogs.js";
import { plural } from "./dom.js";
import { Edits } from "./edits.js";
import { fullDate } from "./format.js";
import { labelMenu } from "./label_menu.js";
import { toast } from "./notices.js";
import { replyTo } from "./reply.js";
import { SNOOZED, mailsOf } from "./rows.js";
import { snoozeMenu } from "./snooze.js";

const FOR_GOOD = "For a few days “Deleted lately” in Trash has them still.";

export class Deeds {
  #undo = null;

  /** `tools` has the reader and the compose window. */
  constructor(desk, tools) {
    Object.assign(this, { desk, tools });
    this.edits = new Edits(desk.mailbox);
  }

  /** Take back the last move or deletion, if that can be. */
  undo() {
    return this.#undo?.();
  }

  star(line) {
    return this.flag([line], { is_starred: !line.is_starred });
  }

  async flag(lines, flags) {
    const ids = new Set((flags.is_starred ? lines : mailsOf(lines)).map((line) => line.email_id));
    const before = lines.map((line) => ({ ...line }));
    const changing = this.edits.setFlags(before, flags);
    if (ids.has(this.tools.reader.email?.email_id)) this.tools.reader.patch(flags);
    if (await changing) return;
    const open = mailsOf(before).find((line) => line.email_id === this.tools.reader.email?.email_id);
    if (open) this.tools.reader.patch({ is_read: open.is_read, is_starred: open.is_starred });
  }

  async move(lines, folder) {
    const moved = lines.filter((line) => line.folder_id !== folder);
    if (!moved.length) return;
    const text = `${plural(mailsOf(moved).length, "mail")} moved to ${this.desk.mailbox.nameOf(folder)}.`;
    await this.#away(moved, text, (those) => this.edits.move(those, folder));
  }

  async report(lines, isSpam) {
    const text = `${plural(mailsOf(lines).length, "mail")} ${isSpam ? "reported as spam" : "moved to Inbox"}.`;
    await this.#away(lines, text, (those) => this.edits.report(those, isSpam), { isReport: isSpam });
  }

  /** Bring mails back from trash, or that were deleted for good. */
  async bringBack(lines) {
    if (!lines.length) return;
    const text = `${plural(lines.length, "mail")} brought back.`;
    await this.#away(lines, text, (those) => this.edits.bringBack(those), { isFinal: true });
  }

  async empty(folder) {
    const name = this.desk.mailbox.nameOf(folder);
    const isLast = folder === "deleted";
    const question = isLast ? "Forget what was deleted?" : `Empty ${name}?`;
    const detail = isLast ? "None of it can be brought back then." : FOR_GOOD;
    if (!(await confirm(question, { detail, yes: isLast ? "Forget" : "Empty" }))) return;
    if (await this.edits.empty(folder)) toast(isLast ? "It is forgotten." : `${name} is empty.`);
  }

  async remove(lines) {
    if (!lines.length) return;
    const isFinal = lines.every((line) => line.folder_id === "trash");
    if (isFinal) {
      const question = `Delete ${plural(mailsOf(lines).length, "mail")} for good?`;
      if (!(await confirm(question, { detail: FOR_GOOD, yes: "Delete for good" }))) return;
    }
    const going = isFinal ? lines : lines.filter((line) => line.folder_id !== "trash");
    const text = `${plural(mailsOf(going).length, "mail")} ${isFinal ? "deleted for good" : "moved to Trash"}.`;
    await this.#away(going, text, (those) => this.edits.remove(those, isFinal), { isFinal });
  }

  /** Take mails out of the list; `act` does it, and until it is final it can be undone. */
  async #away(lines, text, act, { isReport = false, isFinal = false } = {}) {
    const kept = lines.map((line) => ({ ...line }));
    const ids = new Set(kept.map((line) => line.email_id));
    const all = this.desk.mailbox.lines;
    const last = all.findLastIndex((line) => ids.has(line.email_id));
    const next = all[last + 1] ?? all.findLast((line, at) => at < last && !ids.has(line.email_id));
    this.desk.selectNone();
    if (mailsOf(kept).some((line) => line.email_id === this.desk.openId)) this.desk.closeMail();
    const acting = act(kept);
    if (next) this.desk.list.activate(next.email_id);
    else this.desk.list.focus();
    const undo = async () => {
      message.remove();
      if (this.#undo === undo) this.#undo = null;
      if (await acting) await this.edits.restore(kept, isReport);
    };
    this.#undo = isFinal ? null : undo;
    const message = toast(text, { action: isFinal ? null : { label: "Undo", run: undo } });
    if (!(await acting)) message.remove();
  }

  /** Let a person choose when mails come back. */
  snoozeMenu(anchor, lines) {
    snoozeMenu(anchor, async (until) => {
      const count = mailsOf(lines).length;
      const text = `${count > 1 ? `${count} mails come` : "The mail comes"} back on ${fullDate(until)}.`;
      const isFinal = lines.some((line) => line.folder_id === SNOOZED); // where it was, it is
      await this.#away(lines, text, (those) => this.edits.snooze(those, until), { isFinal });
    });
  }

  moveMenu(anchor, lines) {
    const here = new Set(lines.map((line) => line.folder_id));
    const targets = this.desk.mailbox.folders.filter((folder) =>
      !["sent", "drafts", "spam"].includes(folder.folder_id)
      && !(here.size === 1 && here.has(folder.folder_id)));
    openMenu(anchor, "Move to", targets.map((folder) => ({
      label: this.desk.mailbox.pathOf(folder.folder_id),
      run: () => this.move(lines, folder.folder_id),
    })));
  }

  labelMenu(anchor, lines) {
    labelMenu(this.desk.mailbox, anchor, lines, (id, isOn) => this.label(lines, id, isOn));
  }

  /** Put a label on mails, or take it off them. */
  async label(lines, id, isOn) {
    const open = mailsOf(lines).find((line) => line.email_id === this.tools.reader.email?.email_id);
    const others = (open?.labels ?? []).filter((each) => each !== id);
    if (open) this.tools.reader.patch({ labels: isOn ? [...others, id] : others });
    const before = lines.map((line) => ({ ...line }));
    if (!(await this.edits.putLabel(before, id, isOn)) && open) {
      this.tools.reader.patch({ labels: open.labels });
    }
  }

  async reply(email, kind) {
    const { identities } = this.tools.compose;
    await identities.ready;
    const mail = replyTo(email, kind, this.desk.me.address, identities);
    try {
      if (kind === "forward") mail.files = await this.#filesOf(email);
      if (kind === "attach") mail.files = [await this.#fileOf(email)];
    } catch (problem) {
      this.desk.trouble(problem);
      return;
    }
    await this.tools.compose.open(mail);
  }

  #filesOf(email) {
    return Promise.all(email.attachments.map(async (attachment) =>
      new File([await this.desk.client.content(attachment.url)], attachment.file_name || "unnamed",
        { type: attachment.content_type })));
  }

  /** The mail whole, as a file. */
  async #fileOf(email) {
    const name = email.subject.replace(/[\p{Cc}/\\:*?"<>|]+/gu, " ").trim().slice(0, 80) || "mail";
    return new File([await this.desk.client.raw(email.email_id)], `${name}.eml`, { type: "message/rfc822" });
  }
}
