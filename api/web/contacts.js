// Whom one wrote to, in the settings: called otherwise, or forgotten.

import { askFor } from "./dialogs.js";
import { h } from "./dom.js";
import { toast } from "./notices.js";

const SHOWN = 20;

/** The part of the settings that lists contacts; it finds them by what is typed. */
export function contactsPart(client) {
  let timer = null;
  const list = h("ul", { class: "sessions" });
  const sought = h("input", { type: "text", id: "contacts-sought", autocomplete: "off",
    placeholder: "Name or address", oninput: () => {
      clearTimeout(timer);
      timer = setTimeout(show, 200);
    } });
  const show = async () => {
    try {
      const { contacts } = await client.contacts(sought.value.trim(), SHOWN);
      list.replaceChildren(...(contacts.length ? contacts.map(line)
        : [h("li", { class: "dim" }, "Nobody. Whom you write to is found here.")]));
    } catch (problem) {
      tell(problem);
    }
  };
  const line = ({ name, address }) => h("li", {},
    h("span", { class: "session-name" }, name || address),
    name ? h("span", { class: "dim" }, address) : null,
    h("button", { type: "button", class: "button", "aria-label": `Rename ${address}`,
      onclick: () => askFor("Rename contact", address, { value: name, act: async (given) => {
        await client.renameContact(address, given);
        await show();
      } }) }, "Rename"),
    h("button", { type: "button", class: "button", "aria-label": `Forget ${address}`,
      onclick: () => client.removeContact(address).then(show, tell) }, "Forget"));
  show();
  return h("section", { class: "options", "aria-label": "Contacts" }, h("h3", {}, "Contacts"),
    h("label", { for: sought.id }, "People you wrote to"), sought, list);
}

function tell(problem) {
  toast(problem.words ?? String(problem), { isError: true });
}
