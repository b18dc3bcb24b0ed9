// What one sets for oneself: whom one writes as, what is answered while away, what becomes of mail, how one signs in.

import { blockedPart } from "./blocked.js";
import { contactsPart } from "./contacts.js";
import { bringPart, takePart } from "./data.js";
import { modal } from "./dialogs.js";
import { h } from "./dom.js";
import { filtersPart } from "./filters.js";
import { Missing, form } from "./forms.js";
import { identitiesPart } from "./identities.js";
import { toast } from "./notices.js";
import { pushPart } from "./push.js";
import { securityParts } from "./security.js";

/** Show what is set, and let it be changed; `identities` are whom one writes as. */
export async function optionsDialog(mailbox, identities) {
  const { client } = mailbox;
  try {
    const [away, filters, forwards, blocked, push, security] = await Promise.all([
      client.away(), filtersPart(mailbox), client.forwards(), blockedPart(client), pushPart(client),
      securityParts(client), identities.load(),
    ]);
    const dialog = modal("Settings", identitiesPart(identities), awayForm(client, away), filters,
      forwardForm(client, forwards), push, blocked, contactsPart(client), bringPart(client),
      takePart(client), ...security);
    dialog.querySelector("input")?.focus();
  } catch (problem) {
    toast(problem.words ?? String(problem), { isError: true });
  }
}

function awayForm(client, away) {
  const isOn = check("away-on", away.is_on);
  const subject = h("input", { type: "text", id: "away-subject", value: away.subject,
    placeholder: "Auto: the subject of the mail" });
  const text = h("textarea", { id: "away-text", rows: "5", value: away.text });
  return form("While I am away", async () => {
    const given = { ...away, is_on: isOn.checked, subject: subject.value.trim(), text: text.value };
    if (given.is_on && !given.text.trim()) throw new Missing("Write what is to be answered.", text);
    away = await client.setAway(given);
    return away.is_on ? "Who writes to you is answered." : "Nobody is answered.";
  }, [
    label(isOn, "Answer who writes to me, once in a while each"),
    h("label", { for: "away-subject" }, "Subject"), subject,
    h("label", { for: "away-text" }, "Text"), text,
  ]);
}

function forwardForm(client, forwards) {
  const isOn = check("forward-on", forwards.is_on);
  const keeps = check("forward-keep", forwards.keeps_copy);
  const addresses = h("input", { type: "text", id: "forward-to", value: forwards.addresses.join(", "),
    placeholder: "me@elsewhere.example" });
  return form("Forwarding", async () => {
    const to = addresses.value.split(/[\s,;]+/).filter(Boolean);
    if (isOn.checked && !to.length) throw new Missing("Name an address to send mail on to.", addresses);
    forwards = await client.setForwards({ is_on: isOn.checked, addresses: to, keeps_copy: keeps.checked });
    return forwards.is_on ? `Mail goes on to ${forwards.addresses.join(", ")}.` : "Mail stays here.";
  }, [
    label(isOn, "Send my mail on"),
    h("label", { for: "forward-to" }, "To"), addresses,
    label(keeps, "Keep a copy here"),
  ]);
}

function check(id, checked) {
  return h("input", { type: "checkbox", id, checked });
}

function label(input, text) {
  return h("label", { class: "check", for: input.id }, input, text);
}
