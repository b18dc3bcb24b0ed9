// Being told of new mail while the page is closed: by this browser's push service (Web Push).

import { h } from "./dom.js";
import { Missing, form } from "./forms.js";

const WORKER = "/web/sw.js";
const KEPT = "rillmail.push"; // for whom, and the id by which the server knows this browser

/** The part of the settings about it. */
export async function pushPart(client) {
  if (!isPossible()) {
    return h("section", { class: "options", "aria-label": "New mail" }, h("h3", {}, "New mail"),
      h("p", {}, "This browser can’t tell you of new mail while the page is closed."));
  }
  const isOn = h("input", { type: "checkbox", id: "push-on",
    checked: Boolean(localStorage.getItem(KEPT) && (await subscribed())) });
  return form("New mail", async () => {
    if (!isOn.checked) {
      await forgetPush(client);
      return "This browser tells you nothing while the page is closed.";
    }
    if ((await Notification.requestPermission()) !== "granted") {
      throw new Missing("The browser does not allow it: change that in its own settings.", isOn);
    }
    await subscribe(client);
    return "This browser tells you of new mail.";
  }, [
    h("label", { class: "check", for: isOn.id }, isOn, "Tell me on this device, also while this page is closed"),
  ]);
}

/** Say again which browser this is, if it is one that is told: it may have another address now. */
export async function keepPush(client) {
  if (!isPossible() || !localStorage.getItem(KEPT)) return;
  const known = await subscribed();
  if ((await client.me()).user_id !== kept().user_id) {
    localStorage.removeItem(KEPT); // another's, whose session ended: nobody is told here any more
    await known?.unsubscribe();
  } else if (known) await tell(client, known);
  else if (Notification.permission === "granted") await subscribe(client);
}

/** Let this browser be told nothing more; whoever signs in next is another, perhaps. */
export async function forgetPush(client) {
  if (!isPossible() || !localStorage.getItem(KEPT)) return;
  const { id } = kept();
  localStorage.removeItem(KEPT);
  await (await subscribed())?.unsubscribe();
  // If this fails, the push service says that it is gone when it is told of the next mail.
  await client.unsubscribePush(id).catch(() => {});
}

function isPossible() {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

async function subscribed() {
  const registration = await navigator.serviceWorker.getRegistration(WORKER);
  return (await registration?.pushManager.getSubscription()) ?? null;
}

async function subscribe(client) {
  const { public_key: applicationServerKey } = await client.pushKey();
  const registration = await active(await navigator.serviceWorker.register(WORKER));
  // One for another key, from a server that was set up anew, would be in the way.
  await (await registration.pushManager.getSubscription())?.unsubscribe();
  const options = { userVisibleOnly: true, applicationServerKey };
  await tell(client, await registration.pushManager.subscribe(options));
}

async function tell(client, subscription) {
  const [{ user_id }, { subscription_id }] = await Promise.all([
    client.me(), client.subscribePush(subscription.toJSON()),
  ]);
  localStorage.setItem(KEPT, `${user_id} ${subscription_id}`);
}

function kept() {
  const [user_id, id = ""] = (localStorage.getItem(KEPT) ?? "").split(" ");
  return { user_id, id };
}

/** Resolves to the registration once its worker runs. */
async function active(registration) {
  const worker = registration.installing ?? registration.waiting;
  while (worker && worker.state !== "activated" && !registration.active) {
    await new Promise((resolve) => worker.addEventListener("statechange", resolve, { once: true }));
  }
  return registration;
}
