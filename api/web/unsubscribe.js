// Getting no more mail of a sender, where the mail itself offers a way.

import { confirm } from "./dialogs.js";
import { h } from "./dom.js";
import { toast } from "./notices.js";

/** A line that offers it, or tells what came of it; empty while nothing is known, or offered. */
export function unsubscribeBar(client, email) {
  const bar = h("div", { class: "unsubscribe-bar", role: "status", hidden: true });
  if (["sent", "drafts", "spam"].includes(email.folder_id)) return bar;
  const show = (told) => {
    const words = wordsFor(told);
    bar.replaceChildren(h("span", {}, words), ...(told.state === "offered"
      ? [h("button", { type: "button", class: "button", onclick: () => ask(told) }, "Unsubscribe")]
      : []));
    bar.hidden = !words;
  };
  const ask = async (told) => {
    const detail = told.way === "mail" ? `A mail that says so is sent to ${told.to}.`
      : `${told.to} is told so.`;
    if (!(await confirm("Get no more mail like this?", { detail, yes: "Unsubscribe" }))) return;
    try {
      show(await client.unsubscribe(email.email_id));
    } catch (problem) {
      toast(problem.words ?? String(problem), { isError: true });
    }
  };
  client.unsubscribing(email.email_id).then(show, () => {}); // the mail itself is shown
  return bar;
}

function wordsFor({ state, way, to, detail }) {
  switch (state) {
    case "offered":
      return "This sender lets you unsubscribe.";
    case "asked":
      return `${to} is being told that you want no more mail like this.`;
    case "done":
      return way === "mail" ? `${to} was written to: you want no more mail like this.`
        : `You have unsubscribed: ${to} has taken it.`;
    case "refused":
      return `${to} did not take it that you want no more mail${detail ? ` (${detail})` : ""}. `
        + "You can block the sender.";
    default:
      return "";
  }
}
