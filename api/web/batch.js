// Many mails changed by one request, and what became of each.

import { Problem } from "./client.js";
import { modal } from "./dialogs.js";
import { h, plural } from "./dom.js";

const MOST = 1_000; // items that the server takes at once

/**
 * Do with each of `mails` what `itemOf` says; resolves to those with which it was not done, as
 * {mail, problem}.
 */
export async function changeAll(client, mails, itemOf) {
  const failed = [];
  for (let at = 0; at < mails.length; at += MOST) {
    const some = mails.slice(at, at + MOST);
    const items = some.map((mail) => ({ email_id: mail.email_id, ...itemOf(mail) }));
    try {
      const { results } = await client.changeMany({ items });
      results.forEach(({ problem }, place) => {
        if (problem) failed.push({ mail: some[place], problem: new Problem(problem) });
      });
    } catch (problem) {
      failed.push(...some.map((mail) => ({ mail, problem })));
    }
  }
  return failed;
}

/** Tell what was not done, mail by mail; `onTrouble` tells of one that all have in common. */
export function tellFailed(failed, all, onTrouble) {
  const words = new Set(failed.map(({ problem }) => problem.words ?? String(problem)));
  if (all === 1 || (words.size === 1 && failed.length === all)) return onTrouble(failed[0].problem);
  modal(`${failed.length} of ${plural(all, "mail")} could not be changed`,
    h("p", {}, failed.length < all ? "The others are as you wanted them." : ""),
    h("ul", { class: "sessions", "aria-label": "Not changed" }, failed.map(({ mail, problem }) => h("li", {},
      h("span", { class: "session-name" }, mail.subject || "(no subject)"),
      h("span", { class: "dim" }, problem.words ?? String(problem))))));
}
