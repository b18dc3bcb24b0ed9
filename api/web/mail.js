// One mail, read, amid its conversation.

import { rawDialog } from "./attachments.js";
import { blockDialog } from "./blocked.js";
import { mailCard } from "./card.js";
import { Conversation } from "./conversation.js";
import { openMenu } from "./dialogs.js";
import { h, icon, iconButton, redraw } from "./dom.js";
import { filterLikeDialog } from "./filters.js";
import { labelMarks } from "./labels.js";
import { Reminder, canRemind } from "./reminder.js";
import { canWait } from "./rows.js";
import { snoozeBar } from "./snooze.js";
import { unsubscribeBar } from "./unsubscribe.js";
import { verdictDialog } from "./verdict.js";

export class Reader {
  email = null;
  #generation = 0;

  /**
   * `element` is where mails are shown. `actions`: nothing(), back(), openId(id), reply(email, kind),
   * star, flag, move, spam, remove, key.
   */
  constructor(mailbox, element, actions) {
    this.mailbox = mailbox;
    this.element = element;
    this.actions = actions;
    mailbox.addEventListener("mail", (event) => this.#changed(event.detail));
  }

  clear() {
    this.#generation += 1;
    this.email = null;
    this.actions.nothing();
  }

  /** Fetch and show a mail; problems are shown in its place. */
  async show(id) {
    const generation = ++this.#generation;
    if (this.email?.email_id !== id) {
      this.element.replaceChildren(this.#bar(null),
        h("div", { class: "nothing", role: "status" }, "Opening…"));
    }
    try {
      const email = await this.mailbox.client.email(id);
      if (generation !== this.#generation) return;
      this.email = email;
      this.#draw();
      this.element.scrollTop = 0;
      if (!email.is_read) this.actions.flag([email], { is_read: true });
      await this.#loadConversation();
    } catch (problem) {
      if (generation !== this.#generation || this.email?.email_id === id) return;
      this.#failed(problem, () => this.show(id));
    }
  }

  async #loadConversation() {
    const generation = this.#generation;
    const thread = await this.mailbox.client.thread(this.email.thread_id);
    if (generation !== this.#generation || thread.emails.length < 2) return;
    this.conversation.show(thread, this.email.email_id);
  }

  #failed(problem, again) {
    this.element.replaceChildren(this.#bar(null), h("div", { class: "nothing", role: "alert" },
      h("p", {}, problem.words ?? String(problem)),
      h("button", { type: "button", class: "button", onclick: again }, "Try again")));
  }

  #changed(change) {
    if (!this.email) return;
    const { thread_id } = this.email;
    if (change.type === "thread.merged" && change.merged_thread_id === thread_id) {
      this.email.thread_id = change.thread_id;
    }
    if (["email.added", "thread.merged"].includes(change.type) && change.thread_id === this.email.thread_id) {
      this.#loadConversation().catch(() => {}); // the mail itself is shown
    }
    if (change.email_id !== this.email.email_id) return;
    if (change.type === "email.removed") {
      this.actions.back();
    } else if (change.type === "email.updated" || change.type === "email.moved") {
      if (change.is_rewritten) this.show(change.email_id); // a draft that was saved again
      const { is_read, is_starred, folder_id, labels = [] } = change;
      this.#set({ is_read, is_starred, labels, folder_id: folder_id || this.email.folder_id });
    }
  }

  /** Fields of the open mail changed. */
  patch(fields) {
    if (this.email) this.#set(fields);
  }

  #set(fields) {
    Object.assign(this.email, fields, { is_spam: (fields.folder_id ?? this.email.folder_id) === "spam" });
    if (this.bar) {
      redraw(this.bar, () => {
        this.bar.replaceWith(this.#bar(this.email));
        return this.bar;
      });
    }
    this.marks?.replaceChildren(...labelMarks(this.mailbox, this.email.labels));
  }

  #bar(email) {
    const { actions } = this;
    const back = iconButton("back", "Back to the list", actions.back, {
      class: "icon-button back-button" });
    const move = email && iconButton("move", "Move to a folder", () => this.openMoveMenu(move), {
      "aria-haspopup": "menu" });
    const label = email && iconButton("label", "Labels", () => actions.labelMenu(label, [this.email]), {
      "aria-haspopup": "menu" });
    this.later = email && canWait(email) ? iconButton("later", "Put off until later",
      () => this.openSnoozeMenu(), { "aria-haspopup": "menu" }) : null;
    const more = email && iconButton("more", "More", () => openMenu(more, "More", [
      { label: "Reply to all", run: () => actions.reply(email, "all") },
      { label: "Forward", run: () => actions.reply(email, "forward") },
      { label: "Forward as attachment", run: () => actions.reply(email, "attach") },
      null,
      email.from.address && email.folder_id !== "sent"
        && { label: "Filter mail like this", run: () => filterLikeDialog(this.mailbox, email) },
      email.from.address && email.folder_id !== "sent"
        && { label: "Block sender", run: () => blockDialog(this.mailbox.client, email) },
      { label: "Why is this here?", run: () => verdictDialog(this.mailbox.client, email) },
      { label: "Show raw source", run: () => rawDialog(this.mailbox.client, email) },
    ].filter((item) => item !== false && item !== "")), { "aria-haspopup": "menu" });
    this.bar = h("div", { class: "pane-head mail-bar", role: "toolbar", "aria-label": "This mail" },
      back,
      email?.is_draft && h("button", { type: "button", class: "button is-main",
        onclick: () => actions.write(email.email_id) }, icon("drafts"), "Go on writing"),
      email && [
        iconButton("reply", "Reply", () => actions.reply(email, "one")),
        iconButton("reply-all", "Reply to all", () => actions.reply(email, "all"),
          { class: "icon-button wide-only" }),
        iconButton("forward", "Forward", () => actions.reply(email, "forward"),
          { class: "icon-button wide-only" }),
        h("span", { class: "gap" }),
        iconButton("star", email.is_starred ? "Remove star" : "Star",
          () => actions.star(email), { "aria-pressed": String(email.is_starred),
            class: `icon-button row-star${email.is_starred ? " is-on" : ""}` }),
        email.is_read
          ? iconButton("unread", "Mark as unread", () => actions.flag([email], { is_read: false }))
          : iconButton("read", "Mark as read", () => actions.flag([email], { is_read: true })),
        move,
        label,
        this.later,
        canRemind(email) && this.reminder.button(),
        email.folder_id === "spam"
          ? iconButton("not-spam", "Not spam", () => actions.spam([email], false))
          : iconButton("spam", "Report as spam", () => actions.spam([email], true)),
        iconButton("trash", email.folder_id === "trash" ? "Delete for good" : "Move to Trash",
          () => actions.remove([email])),
        more,
      ]);
    return this.bar;
  }

  /** Let the person choose when the mail comes back, if it is one that can be put off. */
  openSnoozeMenu() {
    if (this.later) this.actions.snoozeMenu(this.later, [this.email]);
  }

  /** Let the person choose where the mail goes. */
  openMoveMenu(anchor = this.bar) {
    this.actions.moveMenu(anchor, [this.email]);
  }

  #draw() {
    const { email } = this;
    const { client } = this.mailbox;
    this.article = mailCard(client, email, this.actions, "Open mail");
    this.conversation = new Conversation(client, this.actions);
    this.reminder = new Reminder(client, email);
    this.marks = h("div", { class: "mail-labels", "aria-label": "Labels", role: "group" },
      labelMarks(this.mailbox, email.labels));
    this.element.replaceChildren(this.#bar(email), h("div", { class: "mail-scroll" },
      h("h1", { class: "mail-subject", dir: "auto" }, email.subject || "(no subject)"), this.marks,
      this.#notes(email), unsubscribeBar(client, email), snoozeBar(client, email),
      this.reminder.element, this.conversation.before, this.article, this.conversation.after));
  }

  #notes(email) {
    const notes = [];
    if (email.is_spam) notes.push("This lies in Spam: be careful with links and attachments.");
    if (email.authentication?.dmarc === "fail") {
      notes.push(`It may not come from ${email.authentication.from_domain}: its sender could not be proved.`);
    }
    if (email.note) notes.push(email.note);
    if (email.is_truncated) notes.push("Parts of this mail are not shown; the raw source has all.");
    return notes.map((note) => h("p", { class: "mail-note" }, icon("spam"), h("span", {}, note)));
  }
}
