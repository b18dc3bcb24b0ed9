// What became of a mail that went to other systems: a line for each recipient, kept up to date.

import { h, icon } from "./dom.js";
import { fullDate, shortDate } from "./format.js";

const SOON_MS = 3_000; // while something is tried
const LATER_MS = 60_000; // while all that is left waits for its time

/** A list that fills by itself; it stays empty for a mail that went to nobody elsewhere. */
export function deliveryList(client, email) {
  const element = h("section", { class: "deliveries", "aria-label": "Delivery" });
  const look = async () => {
    let wait = LATER_MS;
    try {
      const { deliveries } = await client.delivery(email.email_id);
      element.replaceChildren(...(deliveries.length ? [list(deliveries)] : []));
      wait = waitFor(deliveries, email);
    } catch {
      // The mail itself is shown; it is asked again.
    }
    if (wait) setTimeout(() => element.isConnected && look(), wait);
  };
  look();
  return element;
}

/** How long until it is worth asking again; 0: all is settled. */
function waitFor(deliveries, email) {
  const isNew = Date.now() - new Date(email.created_at) < 60_000;
  if (deliveries.some(({ state }) => state === "pending")) return SOON_MS;
  if (deliveries.some(({ state }) => state === "deferred" || state === "held")) return LATER_MS;
  return deliveries.length || !isNew ? 0 : SOON_MS;
}

function list(deliveries) {
  const rows = deliveries.flatMap(({ recipients, state }) =>
    recipients.map((each) => row(each, state === "held")));
  return h("ul", { role: "list" }, rows);
}

function row(each, isHeld) {
  const { recipient, state, meaning, text, host, attempted_at: at, next_try_at: next } = each;
  const said = [text && `${host ? `${host}: ` : ""}${text}`, at && fullDate(at)].filter(Boolean);
  return h("li", { class: `delivery is-${state}` },
    icon({ delivered: "not-spam", failed: "close" }[state] ?? "sent"),
    h("span", { class: "delivery-who" }, recipient),
    h("span", {}, words(state, isHeld, meaning, next)),
    said.length && state !== "pending"
      ? h("details", {}, h("summary", {}, "Details"), h("p", { class: "dim" }, said.join(" – "))) : null);
}

function words(state, isHeld, meaning, next) {
  if (state === "delivered") return "Delivered";
  if (state === "failed") return meaning ? `Not delivered: ${meaning}` : "Not delivered";
  if (isHeld) return "Held by an administrator";
  if (state === "pending") return "On its way";
  const again = next ? ` Next try ${shortDate(next)}.` : "";
  return `${meaning ? `Not yet: ${meaning}.` : "Not yet."}${again}`;
}
