// Senders whose mail one does not want to see: blocked from a mail, let in again in the settings.

import { modal } from "./dialogs.js";
import { h } from "./dom.js";
import { form } from "./forms.js";
import { toast } from "./notices.js";

const PLACES = { spam: "Spam", trash: "Trash" };

/** Ask whether the sender of `email`, or all of their domain, is to be blocked. */
export function blockDialog(client, email) {
  const { address } = email.from;
  const domain = `@${address.slice(address.lastIndexOf("@") + 1)}`;
  const whole = h("input", { type: "radio", name: "block-who", id: "block-domain" });
  const one = h("input", { type: "radio", name: "block-who", id: "block-one", checked: true });
  const trash = h("input", { type: "checkbox", id: "block-trash" });
  const dialog = modal("Block sender", form("Whose mail you do not want to see", async () => {
    const target = whole.checked ? domain : address;
    const blocked = await client.block({ target, into: trash.checked ? "trash" : "spam" });
    dialog.close();
    const undo = () => client.unblock(blocked.target).then(
      () => toast(`${blocked.target} is not blocked any more.`), tell);
    toast(`From now on mail from ${blocked.target} goes to ${PLACES[blocked.into]}.`,
      { action: { label: "Undo", run: undo } });
  }, [
    h("label", { class: "check", for: one.id }, one, address),
    h("label", { class: "check", for: whole.id }, whole, `Everybody ${domain}`),
    h("label", { class: "check", for: trash.id }, trash, "Straight to Trash, rather than to Spam"),
  ], { yes: "Block" }));
  one.focus();
}

/** The part of the settings that lists who is blocked. */
export async function blockedPart(client) {
  let blocked = [];
  for (let cursor, more = true; more; more = Boolean(cursor)) {
    const page = await client.blocked(cursor);
    blocked = blocked.concat(page.blocked);
    cursor = page.next_cursor;
  }
  const list = h("ul", { class: "sessions" });
  const line = (each) => h("li", {},
    h("span", { class: "session-name" }, each.target),
    h("span", { class: "dim" }, `to ${PLACES[each.into]}`),
    h("button", { type: "button", class: "button", "aria-label": `Unblock ${each.target}`,
      onclick: () => unblock(each) }, "Unblock"));
  const show = () => list.replaceChildren(...(blocked.length
    ? blocked.map(line)
    : [h("li", { class: "dim" }, "Nobody. A mail’s menu has “Block sender”.")]));
  const unblock = (gone) => client.unblock(gone.target).then(() => {
    blocked = blocked.filter((each) => each !== gone);
    show();
    toast(`${gone.target} is not blocked any more.`);
  }, tell);
  show();
  return h("section", { class: "options", "aria-label": "Blocked senders" },
    h("h3", {}, "Blocked senders"), list);
}

function tell(problem) {
  toast(problem.words ?? String(problem), { isError: true });
}
