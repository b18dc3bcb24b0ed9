// Why a mail lies where it lies: what spoke for spam, and what against it.

import { modal } from "./dialogs.js";
import { h } from "./dom.js";
import { toast } from "./notices.js";

const SHOWN = 8; // of each side

/** Show how `email` was judged. */
export async function verdictDialog(client, email) {
  try {
    modal("Why is this here?", ...words(await client.verdict(email.email_id)));
  } catch (problem) {
    toast(problem.words ?? String(problem), { isError: true });
  }
}

function words(verdict) {
  if (!verdict.is_judged) return [h("p", {}, "Nobody judged this mail: it was not received, or you brought it along.")];
  const said = verdict.contributions.filter((each) => each.meaning);
  const extra = [[verdict.by_reports, "your own reports"], [verdict.by_sender, "what its sender sent lately"]]
    .map(([weight, meaning]) => ({ weight, meaning })).filter((each) => each.weight);
  const all = [...extra, ...said];
  return [
    h("p", {}, `It was ${verdict.is_spam ? "taken for spam" : "not taken for spam"}: `
      + `${Math.round(verdict.probability * 100)} % probable, and spam from ${Math.round(verdict.threshold * 100)} % on.`),
    verdict.is_disowned && h("p", {}, "The owner of its sender's domain asks not to deliver mail that can't be proved."),
    side("For spam", all.filter((each) => each.weight > 0)),
    side("Against it", all.filter((each) => each.weight < 0)),
  ].filter(Boolean);
}

function side(title, found) {
  if (!found.length) return null;
  const loudest = [...found].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, SHOWN);
  return h("section", {}, h("h3", {}, title), h("ul", {}, loudest.map((each) =>
    h("li", {}, `${each.meaning} `, h("span", { class: "dim" }, Math.abs(each.weight).toFixed(2))))));
}
