// One mail, read: its conversation, who wrote it, text or HTML, attachments.

import { attachmentList, rawDialog } from "./attachments.js";
import { deliveryList } from "./delivery.js";
import { openMenu } from "./dialogs.js";
import { h, icon, iconButton, plural } from "./dom.js";
import { fullDate, nameOf, personText, shortDate } from "./format.js";
import { mailFrame } from "./frame.js";
import { plainText } from "./text.js";
import { verdictDialog } from "./verdict.js";

export class Reader {
  email = null;
  #generation = 0;

  /** `actions`: back(), openId(id), reply(email, kind), star, flag, move, spam, remove, key. */
  constructor(mailbox, actions) {
    this.mailbox = mailbox;
    this.actions = actions;
    this.element = h("main", { class: "pane mail-pane", "aria-label": "Mail", tabindex: "-1" });
    mailbox.addEventListener("mail", (event) => this.#changed(event.detail));
    this.clear();
  }

  clear() {
    this.#generation += 1;
    this.email = null;
    this.element.replaceChildren(
      h("div", { class: "nothing" }, icon("read"), h("p", {}, "Choose a mail to read it here."),
        h("p", { class: "dim" }, "Press ", h("kbd", {}, "?"), " for keyboard shortcuts.")),
    );
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
    if (generation === this.#generation && thread.emails.length > 1) this.#conversation(thread);
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
      const { is_read, is_starred, folder_id } = change;
      this.#set({ is_read, is_starred, folder_id: folder_id || this.email.folder_id });
    }
  }

  /** Fields of the open mail changed. */
  patch(fields) {
    if (this.email) this.#set(fields);
  }

  #set(fields) {
    Object.assign(this.email, fields, { is_spam: (fields.folder_id ?? this.email.folder_id) === "spam" });
    this.bar?.replaceWith(this.#bar(this.email));
  }

  #bar(email) {
    const { actions } = this;
    const back = iconButton("back", "Back to the list", actions.back, {
      class: "icon-button back-button" });
    const move = email && iconButton("move", "Move to a folder", () => this.openMoveMenu(move), {
      "aria-haspopup": "menu" });
    const more = email && iconButton("more", "More", () => openMenu(more, "More", [
      { label: "Reply to all", run: () => actions.reply(email, "all") },
      { label: "Forward", run: () => actions.reply(email, "forward") },
      null,
      { label: "Why is this here?", run: () => verdictDialog(this.mailbox.client, email) },
      { label: "Show raw source", run: () => rawDialog(this.mailbox.client, email) },
    ]), { "aria-haspopup": "menu" });
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
        email.folder_id === "spam"
          ? iconButton("not-spam", "Not spam", () => actions.spam([email], false))
          : iconButton("spam", "Report as spam", () => actions.spam([email], true)),
        iconButton("trash", email.folder_id === "trash" ? "Delete for good" : "Move to Trash",
          () => actions.remove([email])),
        more,
      ]);
    return this.bar;
  }

  /** Let the person choose where the mail goes. */
  openMoveMenu(anchor = this.bar) {
    this.actions.moveMenu(anchor, [this.email]);
  }

  #draw() {
    const { email } = this;
    this.content = h("div", { class: "mail-body" });
    this.article = h("article", { class: "mail-card", "aria-label": "Open mail" },
      this.#head(email),
      ...(email.folder_id === "sent" ? [deliveryList(this.mailbox.client, email)] : []),
      this.content, attachmentList(this.mailbox.client, email));
    this.before = h("div", { class: "conversation" });
    this.after = h("div", { class: "conversation" });
    this.element.replaceChildren(this.#bar(email), h("div", { class: "mail-scroll" },
      h("h2", { class: "mail-subject" }, email.subject || "(no subject)"),
      this.#notes(email), this.before, this.article, this.after));
    this.#body(email, false);
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

  #head(email) {
    const list = (label, people) =>
      people.length ? [h("dt", {}, label), h("dd", {}, people.map(personText).join(", "))] : null;
    const known = email.authentication;
    const rows = [
      list("From", [email.from]), list("To", email.to), list("Cc", email.cc),
      list("Bcc", email.bcc), list("Reply to", email.reply_to),
      [h("dt", {}, "Received"), h("dd", {}, fullDate(email.created_at))],
      email.date && [h("dt", {}, "Written"), h("dd", {}, fullDate(email.date))],
      known && [h("dt", {}, "Sender check"), h("dd", {}, senderCheck(known))],
      email.spam_probability !== null && [h("dt", {}, "Spam"),
        h("dd", {}, `${Math.round(email.spam_probability * 100)} % probable`)],
    ];
    const to = [...email.to, ...email.cc].map(nameOf);
    const toText = to.length > 3 ? `${to.slice(0, 3).join(", ")} and ${to.length - 3} more` : to.join(", ");
    return h("header", { class: "mail-head" },
      h("span", { class: "avatar", "aria-hidden": "true" }, initial(email.from)),
      h("div", { class: "mail-who" },
        h("div", {}, h("strong", {}, nameOf(email.from)), " ",
          email.from.name ? h("span", { class: "dim" }, email.from.address) : null),
        h("details", { class: "mail-details" },
          h("summary", {}, toText ? `to ${toText}` : "Details"),
          h("dl", {}, rows.flat(2).filter(Boolean)))),
      h("time", { class: "dim", datetime: email.created_at, title: fullDate(email.created_at) },
        shortDate(email.created_at)));
  }

  #body(email, images) {
    const { html, body, blocked_images: blocked } = email;
    if (!html) {
      this.content.replaceChildren(plainText(body));
      return;
    }
    const frame = mailFrame(html, {
      images,
      onmailto: (address) => this.actions.composeTo(address),
      onkey: this.actions.key,
    });
    this.content.replaceChildren(frame);
    if (!blocked || images) return;
    const show = h("button", { type: "button", class: "button", onclick: () => this.#images(show) },
      "Show remote images");
    this.content.prepend(h("div", { class: "images-bar" },
      h("span", {}, `${plural(blocked, "remote image")} not loaded: `
        + "the sender would learn that you read this."),
      show));
  }

  async #images(button) {
    const id = this.email.email_id;
    button.disabled = true;
    try {
      const email = await this.mailbox.client.email(id, { images: true });
      if (this.email?.email_id === id) this.#body(email, true);
    } catch (problem) {
      button.disabled = false;
      this.actions.trouble(problem);
    }
  }

  #conversation({ emails }) {
    const at = emails.findIndex((line) => line.email_id === this.email.email_id);
    const item = (line) =>
      h("a", { href: "#", class: line.is_read ? "other-mail" : "other-mail is-unread",
        onclick: (event) => {
          event.preventDefault();
          this.actions.openId(line.email_id);
        } },
      h("span", { class: "other-from" }, nameOf(line.from)),
      h("span", { class: "other-snippet" }, line.snippet || line.subject),
      h("time", { datetime: line.created_at, title: fullDate(line.created_at) },
        shortDate(line.created_at)));
    this.before.replaceChildren(
      h("p", { class: "dim" }, `Conversation of ${plural(emails.length, "mail")}`),
      ...emails.slice(0, Math.max(0, at)).map(item));
    this.after.replaceChildren(...emails.slice(at + 1).map(item));
  }
}

function senderCheck({ is_signed_in, spf, dkim, dmarc }) {
  if (is_signed_in) return "a signed-in user of this service";
  const signatures = dkim.map(({ result, domain }) => `${result} (${domain})`).join(", ");
  return `SPF ${spf || "none"}, DKIM ${signatures || "none"}, DMARC ${dmarc || "none"}`;
}

function initial(person) {
  return [...nameOf(person).replace(/[^\p{L}\p{N}]/gu, "")][0]?.toUpperCase() ?? "?";
}
