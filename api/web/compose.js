// Writing a mail. Its text is kept in this browser until it is sent or discarded.

import { confirm, toast } from "./dialogs.js";
import { h, icon, iconButton } from "./dom.js";
import { parsePeople, sizeText } from "./format.js";

const LARGEST_FILES = 18_000_000; // bytes; base64 makes 25 MB of them, the most a mail may have
const FIELDS = ["to", "cc", "bcc", "subject", "body"];
const LABELS = { to: "To", cc: "Cc", bcc: "Bcc", subject: "Subject", body: "Text" };

export class Compose {
  #files = [];
  #inReplyTo = null;
  #attempt = { body: "", key: "" }; // the same mail again has the same key, and is sent once

  constructor(client, address) {
    this.client = client;
    this.store = `rillmail.draft.${address}`;
    this.inputs = {};
    this.errors = {};
    this.title = h("h2", { id: "compose-title" }, "New mail");
    this.fileList = h("ul", { class: "compose-files" });
    this.picker = h("input", { type: "file", multiple: true, class: "unseen", tabindex: "-1",
      "aria-label": "Files to attach", onchange: () => this.#pick() });
    this.general = h("p", { class: "field-error", role: "alert" });
    this.errors.attachments = h("p", { class: "field-error", role: "alert" });
    this.sendButton = h("button", { type: "submit", class: "button is-main" }, icon("sent"), "Send");
    this.copies = h("button", { type: "button", class: "chip", onclick: () => this.#showCopies(true) },
      "Cc Bcc");
    this.form = h("form", { class: "compose-form", novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      this.#send();
    }, oninput: () => this.#keep() },
    this.#field("to", { placeholder: "name@mail.example, …", inputmode: "email" }, this.copies),
    this.#field("cc", { inputmode: "email" }),
    this.#field("bcc", { inputmode: "email" }),
    this.#field("subject", { maxlength: "2000" }),
    this.#text(),
    this.fileList, this.errors.attachments, this.general,
    h("div", { class: "compose-buttons" },
      this.sendButton,
      h("button", { type: "button", class: "button", onclick: () => this.picker.click() },
        icon("clip"), "Attach files"),
      this.picker, h("span", { class: "gap" }),
      iconButton("trash", "Discard", () => this.#discard())));
    this.element = h("section", { class: "compose", role: "dialog", "aria-labelledby": "compose-title",
      hidden: true, onkeydown: (event) => this.#key(event) },
    h("header", { class: "compose-head" }, this.title,
      iconButton("close", "Close; the text is kept", () => this.close())), this.form);
  }

  get isOpen() { return !this.element.hidden; }

  /** Is there a text that was not sent? */
  get isKept() { return localStorage.getItem(this.store) !== null || this.#files.length > 0; }

  /** Forget the text. */
  forget() {
    localStorage.removeItem(this.store);
    this.#files = [];
  }

  /** Open; without `mail`, with what was left unsent. */
  async open(mail = null) {
    const kept = this.isOpen ? this.#values() : JSON.parse(localStorage.getItem(this.store) ?? "null");
    if (mail && kept && (kept.body || kept.subject || kept.to)) {
      const discard = await confirm("Discard the mail that you have not sent yet?", {
        detail: kept.subject ? `Its subject: ${kept.subject}` : `To: ${kept.to || "nobody yet"}`,
        yes: "Discard",
      });
      if (!discard) {
        if (!this.isOpen) this.#fill(kept);
        return;
      }
      this.forget();
    }
    if (!this.isOpen || mail) this.#fill(mail ?? kept ?? {});
    if (mail) this.#keep();
  }

  close() {
    this.element.hidden = true;
    this.opener?.focus?.();
  }

  #fill(mail) {
    this.opener = document.activeElement;
    for (const name of FIELDS) this.inputs[name].value = mail[name] ?? "";
    this.#inReplyTo = mail.in_reply_to ?? null;
    if (mail.files) this.#files = mail.files;
    this.title.textContent = mail.title ?? (this.#inReplyTo ? "Reply" : "New mail");
    this.#showCopies(Boolean(mail.cc || mail.bcc));
    this.#clearErrors();
    this.#drawFiles();
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

  #values() {
    const values = Object.fromEntries(FIELDS.map((name) => [name, this.inputs[name].value]));
    return { ...values, in_reply_to: this.#inReplyTo, title: this.title.textContent };
  }

  #keep() {
    const values = this.#values();
    const isEmpty = FIELDS.every((name) => !values[name].trim());
    try {
      if (isEmpty) localStorage.removeItem(this.store);
      else localStorage.setItem(this.store, JSON.stringify(values));
    } catch {
      // Storage is full or forbidden: the text lives as long as the page.
    }
  }

  async #discard() {
    if (this.isKept && !(await confirm("Discard this mail?", { yes: "Discard" }))) return;
    this.forget();
    this.#fill({});
    this.close();
  }

  // --- files ----------------------------------------------------------------------------

  #pick() {
    this.#files.push(...this.picker.files);
    this.picker.value = "";
    this.#drawFiles();
  }

  #drawFiles() {
    this.fileList.replaceChildren(...this.#files.map((file) =>
      h("li", {}, icon("clip"), h("span", { class: "attachment-name" }, file.name),
        h("span", { class: "dim" }, sizeText(file.size)),
        iconButton("close", `Remove ${file.name}`, () => {
          this.#files = this.#files.filter((other) => other !== file);
          this.#drawFiles();
        }))));
    const bytes = this.#files.reduce((sum, file) => sum + file.size, 0);
    this.errors.attachments.textContent = bytes > LARGEST_FILES
      ? `Remove some files: they have ${sizeText(bytes)} of at most ${sizeText(LARGEST_FILES)}.`
      : "";
    return bytes <= LARGEST_FILES;
  }

  // --- sending --------------------------------------------------------------------------

  async #send() {
    if (this.sendButton.disabled) return;
    this.#clearErrors();
    if (!this.#drawFiles()) return;
    const people = Object.fromEntries(["to", "cc", "bcc"].map(
      (name) => [name, parsePeople(this.inputs[name].value)]));
    if (!people.to.length && !people.cc.length && !people.bcc.length) {
      this.#fail("to", "Say to whom: an address such as name@mail.example.");
      return;
    }
    this.sendButton.disabled = true;
    this.sendButton.lastChild.textContent = "Sending…";
    try {
      const attachments = await Promise.all(this.#files.map(async (file) => ({
        file_name: file.name || "unnamed",
        content_type: file.type || "application/octet-stream",
        data: await base64(file),
      })));
      const body = JSON.stringify({
        ...people,
        subject: this.inputs.subject.value,
        body: this.inputs.body.value,
        attachments,
        ...(this.#inReplyTo ? { in_reply_to: this.#inReplyTo } : {}),
      });
      if (body !== this.#attempt.body) this.#attempt = { body, key: randomKey() };
      await this.client.send(body, this.#attempt.key);
      this.forget();
      this.#attempt = { body: "", key: "" };
      this.#fill({});
      this.close();
      toast("The mail is sent.");
    } catch (problem) {
      this.#show(problem);
    } finally {
      this.sendButton.disabled = false;
      this.sendButton.lastChild.textContent = "Send";
    }
  }

  /** Put each error beside the field that it points to. */
  #show(problem) {
    const left = [];
    for (const { pointer = "", detail } of problem.errors ?? []) {
      const [, field, index] = pointer.split("/");
      const given = ["to", "cc", "bcc"].includes(field) && index !== undefined
        ? parsePeople(this.inputs[field].value)[Number(index)]
        : null;
      const who = given?.address ?? given;
      const text = who && !detail.includes(who) ? `${who}: ${detail}` : detail;
      if (field in this.errors) this.#fail(field, text);
      else left.push(detail);
    }
    if (!problem.errors?.length) left.push(problem.words ?? `The mail was not sent: ${problem}`);
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

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new Error(`${file.name} can’t be read: attach it again.`));
    if (file.size) reader.readAsDataURL(file);
    else resolve("");
  });
}

function randomKey() {
  // randomUUID is missing where the page is served without TLS from another machine.
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
