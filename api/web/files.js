// The files of a mail that is written: uploaded as soon as they are chosen, listed, removed.

import { h, icon, iconButton } from "./dom.js";
import { sizeText } from "./format.js";

const LARGEST_FILES = 18_000_000; // bytes; base64 makes 25 MB of them, the most a mail may have

export class Files {
  #files = []; // {name, size, type, attachment_id, uploading, content}

  /** `onChange` is told when a file came, went, or is there. */
  constructor(client, onChange) {
    Object.assign(this, { client, onChange });
    this.list = h("ul", { class: "compose-files", "aria-label": "Attached files" });
    this.error = h("p", { class: "field-error", role: "alert" });
    this.picker = h("input", { type: "file", multiple: true, class: "unseen", tabindex: "-1",
      "aria-label": "Files to attach", onchange: () => this.#pick() });
  }

  get isEmpty() { return !this.#files.length; }

  /** As they are kept in the browser: those that the server has. */
  get kept() {
    return this.#files.filter((file) => file.attachment_id)
      .map(({ name, size, type, attachment_id }) => ({ name, size, type, attachment_id }));
  }

  /** Begin anew with `files`: browser files, or what `kept` gave, or a draft’s attachments. */
  set(files) {
    this.error.textContent = "";
    this.#files = files.map((file) => this.#entry(file));
    this.draw();
  }

  /** Resolves, once all are uploaded, to what a draft says of them; raises if one is not there. */
  async given() {
    await Promise.all(this.#files.map((file) => file.uploading));
    const lost = this.#files.find((file) => !file.attachment_id);
    if (lost) throw new Error(`${lost.name} was not uploaded: try again, or remove it.`);
    return this.#files.map(({ name, type, attachment_id }) => (
      { file_name: name, content_type: type, attachment_id }));
  }

  /** They lie with the draft now, under the ids that it gave them; `asked` is given those, too. */
  took(asked, attachments) {
    const files = asked.map(({ attachment_id }) =>
      this.#files.find((each) => each.attachment_id === attachment_id));
    asked.forEach((each, at) => {
      each.attachment_id = attachments[at].attachment_id;
      if (files[at]) files[at].attachment_id = each.attachment_id;
    });
  }

  draw() {
    const focused = this.list.contains(document.activeElement) ? document.activeElement.ariaLabel : null;
    this.list.replaceChildren(...this.#files.map((file) =>
      h("li", { "aria-busy": String(!file.attachment_id && !file.failed) }, icon("clip"),
        h("span", { class: "attachment-name" }, file.name),
        h("span", { class: "dim" }, file.failed ? "not uploaded" : sizeText(file.size)),
        file.failed && h("button", { type: "button", class: "chip", "aria-label": `Upload ${file.name} again`,
          onclick: () => this.#again(file) }, "Try again"),
        iconButton("close", `Remove ${file.name}`, () => {
          this.#files = this.#files.filter((other) => other !== file);
          this.draw();
          this.onChange();
        }))));
    if (focused) (this.#button(focused) ?? this.list.querySelector("button"))?.focus();
    const bytes = this.#files.reduce((sum, file) => sum + file.size, 0);
    this.fits = bytes <= LARGEST_FILES;
    this.error.textContent = this.fits
      ? ""
      : `Remove some files: they have ${sizeText(bytes)} of at most ${sizeText(LARGEST_FILES)}.`;
    return this.fits;
  }

  #pick() {
    this.add(this.picker.files);
    this.picker.value = "";
  }

  /** Attach further files of the browser's. */
  add(files) {
    this.#files.push(...[...files].map((file) => this.#entry(file)));
    this.draw();
    this.onChange();
  }

  #entry(file) {
    const entry = {
      name: file.file_name ?? file.name ?? "unnamed",
      size: file.size,
      type: file.content_type || file.type || "application/octet-stream",
      attachment_id: file.attachment_id ?? null,
    };
    if (!entry.attachment_id) this.#begin(entry, file);
    return entry;
  }

  #begin(entry, file) {
    Object.assign(entry, { failed: false, content: file, uploading: this.#upload(file, entry) });
  }

  /** Upload what could not be uploaded. */
  #again(entry) {
    this.#begin(entry, entry.content);
    this.draw();
    this.#button(`Remove ${entry.name}`)?.focus();
    this.onChange();
  }

  #button(label) {
    return [...this.list.querySelectorAll("button")].find((button) => button.ariaLabel === label);
  }

  async #upload(file, entry) {
    try {
      entry.attachment_id = (await this.client.upload(file, entry.name, entry.type)).attachment_id;
      entry.content = null;
    } catch {
      entry.failed = true; // said in the list, and when it is to be saved
    }
    this.draw();
  }
}
