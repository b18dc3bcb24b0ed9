// What is done with mail as it comes: filters, listed in the settings and made from a mail.

import { modal } from "./dialogs.js";
import { h } from "./dom.js";
import { Missing, form } from "./forms.js";
import { toast } from "./notices.js";
import { CONDITIONS, filtersOf, sourceOf } from "./sieve.js";

const NAME = "Filters"; // of the script
const SAID = { from: "From", to: "To or Cc", subject: "Subject", text: "Text" };
const NO_TARGETS = ["inbox", "sent", "drafts", "spam"];

class Filters {
  /** Read them; `other` names the script that is run in their place, `isForeign` is one of theirs that they can't read. */
  static async read(client) {
    const scripts = await client.scripts();
    const own = scripts.some((each) => each.name === NAME) ? await client.script(NAME) : null;
    const list = own ? filtersOf(own.source) : [];
    const active = scripts.find((each) => each.is_active);
    return Object.assign(new Filters(), { client, list: list ?? [], isForeign: list === null,
      etag: own?.etag ?? null, isActive: Boolean(own?.is_active),
      other: active && active.name !== NAME ? active.name : null });
  }

  /** Keep `list` in place of these; raises the problem. */
  async save(list) {
    const { client } = this;
    if (list.length) {
      this.etag = (await client.putScript(NAME, sourceOf(list), this.etag)).etag;
      if (!this.isActive) await client.activateScript(NAME);
      this.isActive = true;
    } else if (this.etag) {
      if (this.isActive) await client.activateScript(null);
      this.isActive = false;
      await client.deleteScript(NAME, this.etag);
      this.etag = null;
    }
    Object.assign(this, { list, isForeign: false });
  }

  /** Let these be run in place of another script. */
  async takeOver() {
    await this.client.activateScript(this.list.length && !this.isForeign ? NAME : null);
    Object.assign(this, { other: null, isActive: this.list.length > 0 && !this.isForeign });
  }
}

/** The part of the settings that lists filters. */
export async function filtersPart(mailbox) {
  let filters = await Filters.read(mailbox.client);
  const body = h("div", {});
  const show = () => body.replaceChildren(...content());
  const content = () => {
    if (filters.other !== null) {
      return [instead(`Your mail is sorted by the script “${filters.other}”.`, "Use filters instead",
        () => filters.takeOver())];
    }
    if (filters.isForeign) {
      return [instead("Your filters were written on by hand, as a script.", "Begin anew",
        () => filters.save([]))];
    }
    return [
      h("ul", { class: "sessions" }, filters.list.length
        ? filters.list.map(line)
        : h("li", { class: "dim" }, "None. Mail goes to Inbox, and spam to Spam.")),
      h("div", { class: "dialog-buttons" }, h("button", { type: "button", class: "button",
        onclick: () => ask({}, (given) => [...filters.list, given]) }, "New filter")),
    ];
  };
  const instead = (text, yes, act) => h("div", {}, h("p", {}, text), h("div", { class: "dialog-buttons" },
    h("button", { type: "button", class: "button", onclick: () => attempt(act) }, yes)));
  const line = (filter) => {
    const text = words(mailbox, filter);
    return h("li", {}, h("span", { class: "session-name" }, text),
      h("button", { type: "button", class: "button", "aria-label": `Change ${text}`,
        onclick: () => ask(filter, (given) =>
          filters.list.map((each) => (each === filter ? given : each))) }, "Change"),
      h("button", { type: "button", class: "button", "aria-label": `Remove ${text}`,
        onclick: () => attempt(() => filters.save(filters.list.filter((each) => each !== filter))) },
      "Remove"));
  };
  const attempt = async (act) => {
    try {
      await act();
    } catch (problem) {
      toast(problem.words ?? String(problem), { isError: true });
      if (problem.status === 412) filters = await Filters.read(mailbox.client);
    }
    show();
  };
  const ask = (filter, change) => filterDialog(mailbox, filter, async (given) => {
    await filters.save(change(given));
    show();
  });
  show();
  return h("section", { class: "options", "aria-label": "Filters" }, h("h3", {}, "Filters"),
    h("p", { class: "dim" }, "What fits is marked as each filter says; the first with a folder says where it goes."),
    body);
}

/** Ask what is to be done with mail like `email`. */
export async function filterLikeDialog(mailbox, email) {
  try {
    const filters = await Filters.read(mailbox.client);
    if (filters.other !== null || filters.isForeign) {
      toast("Your mail is sorted by a script of your own: see Settings, Filters.", { isError: true });
      return;
    }
    filterDialog(mailbox, { from: email.from.address }, async (given) => {
      await filters.save([...filters.list, given]);
      toast(`From now on: ${words(mailbox, given)}.`);
    });
  } catch (problem) {
    toast(problem.words ?? String(problem), { isError: true });
  }
}

/** Let `filter` be filled in; `save` is given what was. */
function filterDialog(mailbox, filter, save) {
  const inputs = Object.fromEntries(CONDITIONS.map((name) => [name,
    h("input", { type: "text", id: `filter-${name}`, value: filter[name] ?? "", maxlength: "200",
      autocomplete: "off" })]));
  const folder = choice("filter-folder", "Where it goes anyway", filter.folder,
    mailbox.folders.filter((each) => !NO_TARGETS.includes(each.folder_id))
      .map((each) => [nameFor(each), mailbox.pathOf(each.folder_id)]));
  const label = choice("filter-label", "None", filter.label,
    mailbox.labels.map((each) => [each.name, each.name]));
  const isRead = h("input", { type: "checkbox", id: "filter-read", checked: filter.is_read });
  const isStarred = h("input", { type: "checkbox", id: "filter-star", checked: filter.is_starred });
  const dialog = modal("Filter", form("Mail as it comes", async () => {
    const given = trimmed({
      ...Object.fromEntries(CONDITIONS.map((name) => [name, inputs[name].value.trim()])),
      folder: folder.value, label: label.value, is_read: isRead.checked, is_starred: isStarred.checked });
    if (!CONDITIONS.some((name) => given[name])) {
      throw new Missing("Say which mail: fill in one of the first four fields.", inputs.from);
    }
    if (Object.keys(given).every((name) => CONDITIONS.includes(name))) {
      throw new Missing("Say what is to be done with it.", folder);
    }
    await save(given);
    dialog.close();
  }, [
    h("p", { class: "dim" }, "It fits if it has all of this; upper and lower case are the same."),
    CONDITIONS.map((name) => [h("label", { for: inputs[name].id }, SAID[name]), inputs[name]]),
    h("label", { for: folder.id }, "Move to"), folder,
    h("label", { for: label.id }, "Label"), label,
    h("label", { class: "check", for: isStarred.id }, isStarred, "Star it"),
    h("label", { class: "check", for: isRead.id }, isRead, "Mark it as read"),
  ]));
  inputs.from.focus();
}

function choice(id, none, value, named) {
  const known = !value || named.some(([each]) => each === value) ? named : [...named, [value, value]];
  const select = h("select", { id },
    [["", none], ...known].map(([each, text]) => h("option", { value: each }, text)));
  select.value = value ?? "";
  return select;
}

/** How a script names a folder. */
function nameFor(folder) {
  return folder.is_system ? folder.folder_id : folder.path ?? folder.name;
}

function trimmed(filter) {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value));
}

/** A filter in words. */
function words(mailbox, filter) {
  const which = CONDITIONS.filter((name) => filter[name]).map((name) => `${SAID[name]} “${filter[name]}”`);
  const target = filter.folder && mailbox.folders.find((each) => nameFor(each) === filter.folder);
  const place = target ? `to ${mailbox.pathOf(target.folder_id)}`
    : `to ${filter.folder}, which is not there: it stays in Inbox`;
  const isLabelled = mailbox.labels.some((each) => each.name === filter.label);
  const label = `label ${filter.label}${isLabelled ? "" : ", which is not there"}`;
  const done = [filter.folder && place, filter.label && label,
    filter.is_starred && "starred", filter.is_read && "read"].filter(Boolean);
  return `${which.join(", ")}: ${done.join(", ")}`;
}
