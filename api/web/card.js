// What one mail says: who wrote it to whom, its text or HTML, its attachments.

import { attachmentList } from "./attachments.js";
import { deliveryList } from "./delivery.js";
import { h, plural } from "./dom.js";
import { fullDate, nameOf, personText, shortDate } from "./format.js";
import { mailFrame } from "./frame.js";
import { plainText } from "./text.js";

/** Make the card of a mail. `actions`: composeTo(mail), key, trouble(problem). */
export function mailCard(client, email, actions, label) {
  const content = h("div", { class: "mail-body" });
  fill(client, content, email, actions);
  return h("article", { class: "mail-card", "aria-label": label },
    head(email),
    ...(email.folder_id === "sent" ? [deliveryList(client, email)] : []),
    content, attachmentList(client, email));
}

function head(email) {
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
      h("div", {}, h("strong", {}, h("bdi", {}, nameOf(email.from))), " ",
        email.from.name ? h("span", { class: "dim" }, email.from.address) : null),
      h("details", { class: "mail-details" },
        h("summary", {}, toText ? `to ${toText}` : "Details"),
        h("dl", {}, rows.flat(2).filter(Boolean)))),
    h("time", { class: "dim", datetime: email.created_at, title: fullDate(email.created_at) },
      shortDate(email.created_at)));
}

function fill(client, content, email, actions, images = false) {
  const { html, body, blocked_images: blocked } = email;
  if (!html) {
    content.replaceChildren(plainText(body));
    return;
  }
  const frame = mailFrame(html, { images, onmailto: actions.composeTo, onkey: actions.key });
  content.replaceChildren(frame);
  if (!blocked || images) return;
  const show = h("button", { type: "button", class: "button", onclick: async () => {
    show.disabled = true;
    try {
      fill(client, content, await client.email(email.email_id, { images: true }), actions, true);
    } catch (problem) {
      show.disabled = false;
      actions.trouble(problem);
    }
  } }, "Show remote images");
  content.prepend(h("div", { class: "images-bar" },
    h("span", {}, `${plural(blocked, "remote image")} not loaded: `
      + "the sender would learn that you read this."),
    show));
}

function senderCheck({ is_signed_in, spf, dkim, dmarc }) {
  if (is_signed_in) return "a signed-in user of this service";
  const signatures = dkim.map(({ result, domain }) => `${result} (${domain})`).join(", ");
  return `SPF ${spf || "none"}, DKIM ${signatures || "none"}, DMARC ${dmarc || "none"}`;
}

function initial(person) {
  return [...nameOf(person).replace(/[^\p{L}\p{N}]/gu, "")][0]?.toUpperCase() ?? "?";
}
