// The fields of a mail that is written: what is typed, and what is wrong with it beside each.

import { h, icon, iconButton } from "./dom.js";
import { Files } from "./files.js";
import { fullDate, parsePeople, personText } from "./format.js";
import { resigned } from "./identities.js";
import { withContacts } from "./people.js";
import { reminderButton, reminderText } from "./reminder.js";
import { timeMenu } from "./snooze.js";

const FIELDS = ["to", "cc", "bcc", "subject", "body"];
const PEOPLE = ["to", "cc", "bcc"];
const LABELS = { to: "To", cc: "Cc", bcc: "Bcc", subject: "Subject", body: "Text" };

export class Form {
  #inReplyTo = null;
  #more = {}; // what a draft says that has no field here
  #opened = { body: "", html: null }; // as it was opened: the HTML goes when the text changes

  /** `identities`: whom one may write as; `actions`: typed(), send(), discard(). */
  constructor(client, identities, actions) {
    this.client = client;
    this.identities = identities;
    identities.addEventListener("change", () => this.#showFrom());
    this.inputs = {};
    this.errors = {};
    this.files = new Files(client, actions.typed);
    this.errors.attachments = this.files.error;
    this.reminder = reminderButton(() => this.#more.remind_at, (at) => {
      this.#choose({ remind_at: at?.toISOString() });
      actions.typed();
    });
    const sendAt = (at) => {
      this.#choose({ send_at: at?.toISOString() });
      actions.send();
    };
    this.sendLater = h("button", { type: "button", class: "button", "aria-haspopup": "menu",
      onclick: () => timeMenu(this.sendLater, "Send later", "Send", sendAt,
        this.#more.send_at ? [null, { label: "Send at once", run: () => sendAt(null) }] : []) },
    "Send later");
    this.chosen = h("p", { class: "compose-chosen dim", role: "status" });
    this.state = h("span", { class: "compose-state dim", role: "status" });
    this.general = h("p", { class: "field-error", role: "alert" });
    this.sendButton = h("button", { type: "submit", class: "button is-main" }, icon("sent"), "Send");
    this.copies = h("button", { type: "button", class: "chip", onclick: () => this.#showCopies(true) },
      "Cc Bcc");
    this.element = h("form", { class: "compose-form", novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      actions.send();
    }, oninput: actions.typed },
    this.#fromField(),
    this.#field("to", { placeholder: "name@mail.example, …", inputmode: "email" }, this.copies),
    this.#field("cc", { inputmode: "email" }),
    this.#field("bcc", { inputmode: "email" }),
    this.#field("subject", { maxlength: "2000", dir: "auto" }),
    this.#text(),
    this.files.list, this.files.error, this.general, this.chosen,
    h("div", { class: "compose-buttons" },
      this.sendButton, this.sendLater,
      h("button", { type: "button", class: "button", onclick: () => this.files.picker.click() },
        icon("clip"), "Attach files"),
      this.files.picker, this.reminder, h("span", { class: "gap" }), this.state,
      iconButton("trash", "Discard", actions.discard)));
  }

  /** Begin anew with `mail`: texts by field, `files`, `in_reply_to`, `html`, `more`. */
  fill(mail) {
    this.element.inert = false;
    for (const name of FIELDS) this.inputs[name].value = mail[name] ?? "";
    this.#inReplyTo = mail.in_reply_to ?? null;
    this.#choose(mail.more ?? {}, {});
    this.#opened = { body: this.inputs.body.value, html: mail.html ?? null };
    this.files.set(mail.files ?? []);
    this.#showFrom();
    this.#showCopies(Boolean(mail.cc || mail.bcc));
    this.clearErrors();
  }

  focus() {
    const first = this.inputs.to.value ? this.inputs.body : this.inputs.to;
    first.focus();
    first.setSelectionRange?.(0, 0);
  }

  get isEmpty() {
    const isSignature = this.inputs.body.value.trim() === this.identities.below(this.#from).trim();
    const typed = FIELDS.filter((name) => this.inputs[name].value.trim());
    return typed.every((name) => name === "body" && isSignature) && this.files.isEmpty;
  }

  get hasPeople() {
    return PEOPLE.some((name) => parsePeople(this.inputs[name].value).length);
  }

  /** Whether it is to be sent at a time that is yet to come. */
  get isForLater() { return new Date(this.#more.send_at ?? 0) > new Date(); }

  get isAnswer() { return this.#inReplyTo !== null; }

  /** What is typed, as `fill` takes it. */
  get kept() {
    const texts = Object.fromEntries(FIELDS.map((name) => [name, this.inputs[name].value]));
    const html = texts.body === this.#opened.body ? this.#opened.html : null;
    return { ...texts, html, in_reply_to: this.#inReplyTo, more: this.#more, files: this.files.kept };
  }

  /** What a draft says of what is typed, once its files are uploaded; null if that is nothing. */
  async given() {
    if (this.isEmpty) return null;
    const attachments = await this.files.given();
    const { subject, body, html, ...people } = this.kept;
    return {
      ...this.#more,
      ...Object.fromEntries(PEOPLE.map((name) => [name, parsePeople(people[name])])),
      subject,
      body,
      ...(html !== null ? { html } : {}),
      attachments,
      ...(this.#inReplyTo ? { in_reply_to: this.#inReplyTo } : {}),
    };
  }

  set isSending(is) {
    this.sendButton.disabled = this.sendLater.disabled = is;
    this.sendButton.lastChild.textContent = is ? "Sending…" : "Send";
  }

  get isSending() { return this.sendButton.disabled; }

  // --- what is wrong --------------------------------------------------------------------

  /** Put each error beside the field that it points to. */
  show(problem) {
    const left = [];
    for (const { pointer = "", detail } of problem.errors ?? []) {
      const [, field, index] = pointer.split("/");
      const given = PEOPLE.includes(field) && index !== undefined
        ? parsePeople(this.inputs[field].value)[Number(index)]
        : null;
      const who = given?.address ?? given;
      const text = who && !detail.includes(who) ? `${who}: ${detail}` : detail;
      if (field in this.errors) this.fail(field, text);
      else left.push(detail);
    }
    if (!problem.errors?.length) {
      left.push(problem.words ?? `The mail was not sent: ${problem.message}`);
    }
    this.general.textContent = left.join(" ");
  }

  fail(field, text) {
    if (field === "cc" || field === "bcc") this.#showCopies(true);
    const error = this.errors[field];
    error.textContent = error.textContent ? `${error.textContent}; ${text}` : text;
    const input = this.inputs[field];
    if (!input) return;
    input.setAttribute("aria-invalid", "true");
    if (!this.element.querySelector("[aria-invalid]:focus")) input.focus();
  }

  clearErrors() {
    this.general.textContent = "";
    for (const error of Object.values(this.errors)) error.textContent = "";
    for (const input of Object.values(this.inputs)) input.removeAttribute("aria-invalid");
  }

  // --- elements -------------------------------------------------------------------------

  #field(name, props, ...more) {
    const id = `compose-${name}`;
    this.errors[name] = h("p", { class: "field-error", id: `${id}-error`, role: "alert" });
    this.inputs[name] = h("input", { type: "text", id, name, autocomplete: "off",
      "aria-describedby": `${id}-error`, ...props });
    const people = PEOPLE.includes(name) && withContacts(this.client, this.inputs[name]);
    return h("div", { class: "field", "data-field": name }, h("label", { for: id }, LABELS[name]),
      this.inputs[name], ...more, people, this.errors[name]);
  }

  #fromField() {
    this.errors.from = h("p", { class: "field-error", id: "compose-from-error", role: "alert" });
    this.from = h("select", { id: "compose-from", name: "from", "aria-describedby": "compose-from-error",
      onchange: () => this.#writeAs(this.from.value) });
    return h("div", { class: "field", "data-field": "from", hidden: true },
      h("label", { for: "compose-from" }, "From"), this.from, this.errors.from);
  }

  /** The address that it is written as; empty: one's own. */
  get #from() {
    const { from } = this.#more;
    return from?.address ?? from ?? "";
  }

  /** Show as whom it is written, where there is a choice. */
  #showFrom() {
    const { list, own } = this.identities;
    const from = this.#from;
    const others = from && !this.identities.at(from) ? [{ address: from, name: "" }] : [];
    const choices = [...list, ...others];
    this.from.replaceChildren(...choices.map((each) =>
      h("option", { value: each.address }, personText(each))));
    this.from.value = this.identities.at(from)?.address ?? (from || own?.address || "");
    this.from.parentElement.hidden = choices.length < 2;
  }

  #writeAs(address) {
    const { body } = this.inputs;
    const before = this.identities.below(this.#from);
    this.#choose({ from: address });
    body.value = resigned(body.value, before, this.identities.below(address));
  }

  #text() {
    this.errors.body = h("p", { class: "field-error", id: "compose-body-error", role: "alert" });
    this.inputs.body = h("textarea", { id: "compose-body", name: "body", "aria-label": "Text", dir: "auto",
      "aria-describedby": "compose-body-error" });
    return h("div", { class: "field is-text", "data-field": "body" }, this.inputs.body, this.errors.body);
  }

  /** Take down what a menu was asked for, and tell it. */
  #choose(what, before = this.#more) {
    this.#more = { ...before, ...what };
    const { send_at, remind_at } = this.#more;
    this.chosen.textContent = [send_at && `It is to be sent on ${fullDate(send_at)}.`,
      remind_at && reminderText(remind_at)].filter(Boolean).join(" ");
  }

  #showCopies(are) {
    this.element.classList.toggle("has-copies", are);
    this.copies.hidden = are;
  }
}

/** A draft as `fill` takes it. */
export function asTyped(draft) {
  const { subject, body, html, in_reply_to } = draft;
  const people = Object.fromEntries(PEOPLE.map(
    (name) => [name, draft[name].map(personText).join(", ")]));
  const { from, reply_to, headers, stream, unsubscribe, send_at, remind_at, undo_s } = draft;
  const told = { from, reply_to, headers, stream, unsubscribe, send_at, remind_at, undo_s };
  const more = Object.fromEntries(Object.entries(told).filter(([, value]) => value !== null));
  return { ...people, subject, body, html, in_reply_to, more, files: draft.attachments };
}
