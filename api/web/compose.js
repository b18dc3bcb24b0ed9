// Writing a mail. It is saved as a draft while it is typed; what the server does not have yet is
// kept in this browser.

import { confirm, toast } from "./dialogs.js";
import { h, icon, iconButton } from "./dom.js";
import { DraftKeeper } from "./draft.js";
import { Files } from "./files.js";
import { parsePeople, personText } from "./format.js";

const FIELDS = ["to", "cc", "bcc", "subject", "body"];
const PEOPLE = ["to", "cc", "bcc"];
const LABELS = { to: "To", cc: "Cc", bcc: "Bcc", subject: "Subject", body: "Text" };
const STATES = { saving: "Saving…", saved: "Saved", waiting: "Not saved yet.", refused: "Not saved." };
const HEARD_MS = 5_000; // what is told of a draft so soon after it was saved here is our own

export class Compose {
  #inReplyTo = null;
  #more = {}; // what a draft says that has no field here
  #opened = { body: "", html: null }; // as it was opened: the HTML goes when the text changes
  #savedAt = 0;
  #leaving = Promise.resolve(true); // what was closed is being saved

  constructor(client, address) {
    this.client = client;
    this.store = `rillmail.draft.${address}`;
    this.inputs = {};
    this.errors = {};
    this.files = new Files(client, () => this.#typed());
    this.errors.attachments = this.files.error;
    this.title = h("h2", { id: "compose-title" }, "New mail");
    this.state = h("span", { class: "compose-state dim", role: "status" });
    this.conflict = h("div", { class: "compose-conflict", role: "alert", hidden: true });
    this.general = h("p", { class: "field-error", role: "alert" });
    this.sendButton = h("button", { type: "submit", class: "button is-main" }, icon("sent"), "Send");
    this.copies = h("button", { type: "button", class: "chip", onclick: () => this.#showCopies(true) },
      "Cc Bcc");
    this.form = h("form", { class: "compose-form", novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      this.#send();
    }, oninput: () => this.#typed() },
    this.#field("to", { placeholder: "name@mail.example, …", inputmode: "email" }, this.copies),
    this.#field("cc", { inputmode: "email" }),
    this.#field("bcc", { inputmode: "email" }),
    this.#field("subject", { maxlength: "2000" }),
    this.#text(),
    this.files.list, this.files.error, this.general,
    h("div", { class: "compose-buttons" },
      this.sendButton,
      h("button", { type: "button", class: "button", onclick: () => this.files.picker.click() },
        icon("clip"), "Attach files"),
      this.files.picker, h("span", { class: "gap" }), this.state,
      iconButton("trash", "Discard", () => this.#discard())));
    this.element = h("section", { class: "compose", role: "dialog", "aria-labelledby": "compose-title",
      hidden: true, onkeydown: (event) => this.#key(event) },
    h("header", { class: "compose-head" }, this.title,
      iconButton("close", "Close; the text is kept in Drafts", () => this.close())),
    this.conflict, this.form);
    this.keeper = this.#newKeeper();
  }

  get isOpen() { return !this.element.hidden; }

  /** Is there a text that the server may not have? */
  get isKept() { return this.isOpen || localStorage.getItem(this.store) !== null; }

  /** Forget the text. */
  forget() {
    localStorage.removeItem(this.store);
    this.keeper.stop();
  }

  /** Open; without `mail`, with what was left in this browser. What is open is saved first. */
  async open(mail = null) {
    if (this.isOpen && !mail) return this.inputs.to.focus();
    await this.#leaving;
    const kept = this.#stored();
    if (!mail) return this.#begin(kept ?? {});
    if (!this.isOpen && kept) this.#begin(kept);
    if (this.isOpen && !(await this.leave()) && !(await this.#mayDiscard())) return;
    this.#begin(mail);
    if (mail.body || mail.to || mail.files) this.#typed();
  }

  /** Open a draft that the server has; raises the problem if it has not. */
  async openDraft(id) {
    await this.#leaving;
    if (this.isOpen && this.keeper.id === id) return this.inputs.body.focus();
    const draft = await this.client.draft(id);
    if (this.isOpen && !(await this.leave()) && !(await this.#mayDiscard())) return;
    await this.#resume(draft);
  }

  /** Save and close; false if it can’t be saved. */
  async leave() {
    try {
      await this.keeper.flush();
    } catch {
      return false;
    }
    this.forget();
    this.element.hidden = true;
    return true;
  }

  /** The same for a text that was left in this browser. */
  settle() {
    const kept = this.isOpen ? null : this.#stored();
    if (kept) this.#begin(kept);
    return this.leave();
  }

  close() {
    this.element.hidden = true;
    this.opener?.focus?.();
    this.#leaving = this.leave().then((isSaved) => {
      if (!isSaved) toast("The draft is not saved yet: it is kept in this browser.", { isError: true });
      else if (this.keeper.id) toast("Saved in Drafts.");
    });
  }

  /** A change of the mailbox: it may be of the draft that is open. */
  hear({ email_id: id, is_rewritten: is }) {
    if (!is || !this.isOpen || id !== this.keeper.id || Date.now() - this.#savedAt < HEARD_MS) return;
    this.keeper.look().catch(() => {}); // then it shows when it is saved
  }

  // --- what is open ---------------------------------------------------------------------

  #begin(mail) {
    this.#fill(mail);
    this.keeper = this.#newKeeper();
    if (mail.draft) this.keeper.resume(mail.draft);
    if (mail.draft) this.#typed();
  }

  async #resume(draft) {
    this.#fill({ ...asTyped(draft), title: "Draft", files: draft.attachments });
    this.keeper = this.#newKeeper();
    this.keeper.resume({ id: draft.draft_id, etag: draft.etag, body: await this.#given() });
    if (draft.sending) this.general.textContent = "It is to be sent later: take that back to change it.";
    this.#show("saved");
  }

  #newKeeper() {
    this.conflict.hidden = true;
    this.#show("");
    const keeper = new DraftKeeper(this.client, {
      read: () => this.#given(),
      onState: (state, problem) => keeper === this.keeper && this.#show(state, problem),
      onSaved: (draft, asked) => {
        this.#savedAt = Date.now();
        this.files.took(asked.attachments ?? [], draft.attachments);
        asked.attachments?.forEach((file, at) => {
          file.attachment_id = draft.attachments[at].attachment_id;
        });
        this.#keep();
      },
    });
    return keeper;
  }

  #fill(mail) {
    if (!this.isOpen) this.opener = document.activeElement;
    for (const name of FIELDS) this.inputs[name].value = mail[name] ?? "";
    this.#inReplyTo = mail.in_reply_to ?? null;
    this.#more = mail.more ?? {};
    this.#opened = { body: this.inputs.body.value, html: mail.html ?? null };
    this.files.set(mail.files ?? []);
    this.title.textContent = mail.title ?? (this.#inReplyTo ? "Reply" : "New mail");
    this.#showCopies(Boolean(mail.cc || mail.bcc));
    this.#clearErrors();
    this.element.hidden = false;
    const first = this.inputs.to.value ? this.inputs.body : this.inputs.to;
    first.focus();
    first.setSelectionRange?.(0, 0);
  }

  #field(name, props, ...more) {
    const id = `compose-${name}`;
    this.errors[name] = h("p", { class: "field-error", id: `${id}-error`, role: "alert" });
    this.inputs[name] = h("input", { type: "text", id, name, autocomplete: "off",
      "aria-describedby": `${id}-error`, ...props });
    return h("div", { class: "field", "data-field": name }, h("label", { for: id }, LABELS[name]),
      this.inputs[name], ...more, this.errors[name]);
  }

  #text() {
    this.errors.body = h("p", { class: "field-error", id: "compose-body-error", role: "alert" });
    this.inputs.body = h("textarea", { id: "compose-body", name: "body", "aria-label": "Text",
      "aria-describedby": "compose-body-error" });
    return h("div", { class: "field is-text", "data-field": "body" }, this.inputs.body, this.errors.body);
  }

  #showCopies(are) {
    this.form.classList.toggle("has-copies", are);
    this.copies.hidden = are;
  }

  get #values() {
    return Object.fromEntries(FIELDS.map((name) => [name, this.inputs[name].value]));
  }

  get #isEmpty() {
    return FIELDS.every((name) => !this.inputs[name].value.trim()) && this.files.isEmpty;
  }

  /** What a draft says of what is typed; null if that is nothing. */
  async #given() {
    if (this.#isEmpty) return null;
    const attachments = await this.files.given();
    const { subject, body, ...people } = this.#values;
    const { html } = this.#opened;
    return {
      ...this.#more,
      ...Object.fromEntries(PEOPLE.map((name) => [name, parsePeople(people[name])])),
      subject,
      body,
      ...(html !== null && body === this.#opened.body ? { html } : {}),
      attachments,
      ...(this.#inReplyTo ? { in_reply_to: this.#inReplyTo } : {}),
    };
  }

  // --- what is kept ---------------------------------------------------------------------

  #typed() {
    this.#keep();
    this.keeper.changed();
  }

  #keep() {
    const { id, etag } = this.keeper;
    const kept = { ...this.#values, in_reply_to: this.#inReplyTo, title: this.title.textContent,
      more: this.#more, files: this.files.kept, draft: id ? { id, etag } : null };
    try {
      if (this.#isEmpty) localStorage.removeItem(this.store);
      else localStorage.setItem(this.store, JSON.stringify(kept));
    } catch {
      // Storage is full or forbidden: the text lives as long as the page, or as a draft.
    }
  }

  #stored() {
    return JSON.parse(localStorage.getItem(this.store) ?? "null");
  }

  #show(state, problem = null) {
    const why = problem ? ` ${problem.words ?? problem.message}` : "";
    this.state.textContent = `${STATES[state] ?? ""}${why}`;
    this.conflict.hidden = state !== "conflict";
    if (state === "conflict") this.#ask();
  }

  /** Somebody else saved, sent or deleted the draft: who types here decides what counts. */
  #ask() {
    const { keeper } = this;
    const isGone = keeper.conflict === "gone";
    const button = (label, onclick) => h("button", { type: "button", class: "button", onclick }, label);
    this.conflict.replaceChildren(
      h("p", {}, isGone
        ? "This draft was sent or deleted elsewhere."
        : "This draft was changed elsewhere."),
      button(isGone ? "Save as a new draft" : "Keep what I wrote", () => {
        this.conflict.hidden = true;
        keeper.keepMine().catch(() => {}); // told by its state
      }),
      isGone
        ? button("Close", () => {
          this.forget();
          this.element.hidden = true;
        })
        : button("Show what is there", () => {
          const there = keeper.conflict;
          keeper.stop();
          this.#resume(there);
        }));
  }

  #mayDiscard() {
    return confirm("Discard the mail that you have not sent yet?", {
      detail: "It could not be saved as a draft.", yes: "Discard" });
  }

  async #discard() {
    const { keeper } = this;
    if (!(await this.leave())) {
      if (!(await confirm("Discard this mail?", { yes: "Discard" }))) return;
      this.forget();
      this.element.hidden = true;
    }
    this.opener?.focus?.();
    if (!keeper.id || keeper.conflict === "gone") return;
    try {
      await this.client.discardDraft(keeper.id);
      toast("The draft was moved to Trash.", { action: { label: "Undo", run: () => this.#restore(keeper.id) } });
    } catch (problem) {
      toast(problem.words ?? String(problem), { isError: true });
    }
  }

  async #restore(id) {
    try {
      await this.client.change(id, { folder_id: "drafts" });
      await this.openDraft(id);
    } catch (problem) {
      toast(problem.words ?? String(problem), { isError: true });
    }
  }

  // --- sending --------------------------------------------------------------------------

  async #send() {
    if (this.sendButton.disabled) return;
    this.#clearErrors();
    if (!this.files.draw()) return;
    if (PEOPLE.every((name) => !parsePeople(this.inputs[name].value).length)) {
      this.#fail("to", "Say to whom: an address such as name@mail.example.");
      return;
    }
    const { keeper } = this;
    this.sendButton.disabled = true;
    this.sendButton.lastChild.textContent = "Sending…";
    try {
      await keeper.flush();
      const sent = await this.client.sendDraft(keeper.id, keeper.etag);
      this.forget();
      this.element.hidden = true;
      this.opener?.focus?.();
      this.#sent(sent, keeper.id);
    } catch (problem) {
      if (problem.status === 412) keeper.look().catch(() => {}); // it asks what to do
      else if (!keeper.conflict) this.#showProblem(problem);
    } finally {
      this.sendButton.disabled = false;
      this.sendButton.lastChild.textContent = "Send";
    }
  }

  #sent({ email_id, status }, id) {
    const undo = async () => {
      try {
        await this.client.takeBack(email_id);
        await this.openDraft(id);
      } catch (problem) {
        toast(problem.words ?? String(problem), { isError: true });
      }
    };
    const action = status === "scheduled" ? { label: "Undo", run: undo } : null;
    toast("The mail is sent.", { action });
  }

  /** Put each error beside the field that it points to. */
  #showProblem(problem) {
    const left = [];
    for (const { pointer = "", detail } of problem.errors ?? []) {
      const [, field, index] = pointer.split("/");
      const given = PEOPLE.includes(field) && index !== undefined
        ? parsePeople(this.inputs[field].value)[Number(index)]
        : null;
      const who = given?.address ?? given;
      const text = who && !detail.includes(who) ? `${who}: ${detail}` : detail;
      if (field in this.errors) this.#fail(field, text);
      else left.push(detail);
    }
    if (!problem.errors?.length) {
      left.push(problem.words ?? `The mail was not sent: ${problem.message}`);
    }
    this.general.textContent = left.join(" ");
  }

  #fail(field, text) {
    if (field === "cc" || field === "bcc") this.#showCopies(true);
    const error = this.errors[field];
    error.textContent = error.textContent ? `${error.textContent}; ${text}` : text;
    const input = this.inputs[field];
    if (!input) return;
    input.setAttribute("aria-invalid", "true");
    if (!this.form.querySelector("[aria-invalid]:focus")) input.focus();
  }

  #clearErrors() {
    this.general.textContent = "";
    for (const error of Object.values(this.errors)) error.textContent = "";
    for (const input of Object.values(this.inputs)) input.removeAttribute("aria-invalid");
  }

  #key(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.#send();
    }
  }
}

/** A draft as the fields have it. */
function asTyped(draft) {
  const { subject, body, html, in_reply_to } = draft;
  const people = Object.fromEntries(PEOPLE.map(
    (name) => [name, draft[name].map(personText).join(", ")]));
  const { from, reply_to, headers, stream, unsubscribe, send_at, undo_s } = draft;
  const told = { from, reply_to, headers, stream, unsubscribe, send_at, undo_s };
  const more = Object.fromEntries(Object.entries(told).filter(([, value]) => value !== null));
  return { ...people, subject, body, html, in_reply_to, more };
}
