// What came with a mail: a list to download from, and the raw source.

import { modal } from "./dialogs.js";
import { h, icon, plural } from "./dom.js";
import { sizeText } from "./format.js";
import { toast } from "./notices.js";

const RAW_SHOWN = 256 * 1024; // bytes

export function attachmentList(client, email) {
  const { attachments } = email;
  if (!attachments.length) return null;
  return h("section", { class: "attachments", "aria-label": "Attachments" },
    h("h2", {}, plural(attachments.length, "attachment")),
    h("ul", {}, attachments.map((attachment) => h("li", {}, card(client, attachment)))));
}

function card(client, attachment) {
  const name = attachment.file_name || "unnamed";
  const button = h("button", { type: "button", class: "attachment", title: `Download ${name}`,
    onclick: async () => {
      button.setAttribute("aria-busy", "true");
      try {
        // It may be at another server, whose answers the page may not read: the browser may.
        download(await client.download(attachment.url), name);
      } catch (problem) {
        toast(`${name} was not downloaded. ${problem.words}`, { isError: true });
      } finally {
        button.removeAttribute("aria-busy");
      }
    } },
  icon("clip"),
  h("span", { class: "attachment-name" }, name),
  h("span", { class: "dim" }, sizeText(attachment.size)),
  icon("download"));
  return button;
}

/** Let the browser keep `blob` as a file. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  download(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Let the browser fetch `url`, which is offered as a download, and keep it as a file. */
function download(url, name) {
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

/** Show the raw message. */
export async function rawDialog(client, email) {
  try {
    const raw = await client.raw(email.email_id);
    const text = await raw.slice(0, RAW_SHOWN).text();
    const dialog = modal("Raw source",
      raw.size > RAW_SHOWN
        ? h("p", { class: "dim" }, `The first ${sizeText(RAW_SHOWN)} of ${sizeText(raw.size)}:`)
        : null,
      h("pre", { class: "raw", tabindex: "0" }, text),
      h("div", { class: "dialog-buttons" }, h("button", { type: "button", class: "button is-main",
        onclick: () => save(raw, `${email.email_id}.eml`) }, "Download")));
    dialog.classList.add("is-wide");
  } catch (problem) {
    toast(problem.words ?? String(problem), { isError: true });
  }
}
