// What one sets for oneself: what is answered while away, and where mail goes on to.

import { modal, toast } from "./dialogs.js";
import { h } from "./dom.js";

/** Show what is set, and let it be changed. */
export async function optionsDialog(client) {
  try {
    const [away, forwards] = await Promise.all([client.away(), client.forwards()]);
    const dialog = modal("Settings", awayForm(client, away), forwardForm(client, forwards));
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

class Missing extends Error {
  constructor(words, field) {
    super(words);
    Object.assign(this, { words, field });
  }
}

/** A part of the dialog that is saved by itself; `save` returns what is true then. */
function form(title, save, fields) {
  const error = h("p", { class: "field-error", role: "alert" });
  const button = h("button", { type: "submit", class: "button is-main" }, "Save");
  return h("form", { class: "options", "aria-label": title, onsubmit: async (event) => {
    event.preventDefault();
    error.textContent = "";
    button.disabled = true;
    try {
      toast(await save());
    } catch (problem) {
      error.textContent = told(problem);
      problem.field?.focus();
    } finally {
      button.disabled = false;
    }
  } }, h("h3", {}, title), fields, error, h("div", { class: "dialog-buttons" }, button));
}

/** A problem's words, and those of each field that it names. */
function told(problem) {
  const fields = (problem.errors ?? []).map(({ detail }) => detail).filter(Boolean);
  return fields.length ? fields.join(" ") : problem.words ?? String(problem);
}

function check(id, checked) {
  return h("input", { type: "checkbox", id, checked });
}

function label(input, text) {
  return h("label", { class: "check", for: input.id }, input, text);
}
