// The addresses that a person writes as, each with a name and a signature.

import { askFor, modal } from "./dialogs.js";
import { h } from "./dom.js";
import { form } from "./forms.js";
import { toast } from "./notices.js";

const LINE = "-- "; // before a signature (RFC 3676 §4.3)

export class Identities extends EventTarget {
  list = [];

  constructor(client) {
    super();
    this.client = client;
    this.ready = this.load().catch(() => {}); // without them one writes as oneself
  }

  async load() {
    this.list = await this.client.identities();
    this.dispatchEvent(new Event("change"));
  }

  get own() { return this.list[0] ?? null; }

  /** Whom `address` is; null: nothing was said about it. */
  at(address) { return this.list.find((each) => isSame(each.address, address)) ?? null; }

  /** Is `address` one of these, or `mine`? */
  has(address, mine) { return isSame(address, mine) || this.at(address) !== null; }

  /** Whom `email` was written to, who answers it; null: one's own address. */
  of(email) {
    const found = [...email.to, ...email.cc].map(({ address }) => this.at(address)).find(Boolean);
    return found && !found.is_primary ? found : null;
  }

  /** What stands below a text that is written as `address`; empty: nothing. */
  below(address) {
    const { signature = "" } = (address ? this.at(address) : this.own) ?? {};
    return signature.trim() ? `\n\n${LINE}\n${signature.trimEnd()}` : "";
  }
}

/** `text` with the signature `after` where `before` stood, or at the end of what is nothing else. */
export function resigned(text, before, after) {
  if (before && text.includes(before)) return text.replace(before, () => after);
  return text.trim() ? text : after;
}

/** The part of the settings about whom one writes as. */
export function identitiesPart(identities) {
  const { client } = identities;
  const list = h("ul", { class: "sessions" });
  const show = () => list.replaceChildren(...identities.list.map(line));
  const line = (each) => h("li", {},
    h("span", { class: "session-name" }, each.name || each.address),
    each.name ? h("span", { class: "dim" }, each.address) : null,
    h("button", { type: "button", class: "button", "aria-label": `Change ${each.address}`,
      onclick: () => change(each) }, "Change"),
    each.is_primary ? null : h("button", { type: "button", class: "button",
      "aria-label": `Forget ${each.address}`, onclick: () => forget(each) }, "Forget"));
  const change = ({ address, name, signature }) => {
    const called = h("input", { type: "text", id: "identity-name", value: name, maxlength: "200",
      autocomplete: "name" });
    const below = h("textarea", { id: "identity-signature", rows: "5", value: signature, dir: "auto" });
    const dialog = modal(address, form("How you sign", async () => {
      await client.putIdentity(address, { name: called.value.trim(), signature: below.value });
      await identities.load();
      show();
      dialog.close();
      return "What you write from now on says so.";
    }, [
      h("label", { for: called.id }, "Your name"), called,
      h("label", { for: below.id }, "Signature"), below,
    ]));
  };
  const forget = async ({ address }) => {
    try {
      await client.forgetIdentity(address);
      await identities.load();
      show();
    } catch (problem) {
      toast(problem.words ?? String(problem), { isError: true });
    }
  };
  const add = () => askFor("Another address of yours", "Address", { yes: "Add", act: async (address) => {
    await client.putIdentity(address, { name: identities.own?.name ?? "", signature: "" });
    await identities.load();
    show();
  } });
  show();
  return h("section", { class: "options", "aria-label": "Whom I write as" }, h("h3", {}, "Whom I write as"),
    list, h("div", { class: "dialog-buttons" },
      h("button", { type: "button", class: "button", onclick: add }, "Add an address")));
}

function isSame(one, other) {
  return one.toLowerCase() === other.toLowerCase();
}
