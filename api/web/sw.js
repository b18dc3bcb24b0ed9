// The service worker: it shows that mail came while the page is closed. It has no token and keeps
// nothing: what it is told are ids and a number, and what to show is read by the page.

const TITLE = "New mail";
const TAG = "mail"; // one notice stands for all: a newer one takes its place

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("push", (event) => event.waitUntil(show(told(event.data))));

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});

function told(data) {
  try {
    return data?.json() ?? {};
  } catch {
    return {}; // not of ours, or of a later version: that there is mail is true all the same
  }
}

async function show({ unread_count: count = 0, folder_id = "inbox", email_id = "" }) {
  if ((await pages()).some((page) => page.visibilityState === "visible")) return; // it shows the mail
  await self.registration.showNotification(TITLE, {
    body: count > 1 ? `${count} unread mails` : "1 unread mail",
    icon: "/web/logo.svg",
    tag: TAG,
    data: { folder_id, email_id },
  });
}

async function open({ folder_id, email_id }) {
  const [page] = await pages();
  if (page) return page.focus();
  const mail = email_id ? `/mail/${encodeURIComponent(email_id)}` : "";
  return self.clients.openWindow(`/#/folder/${encodeURIComponent(folder_id)}${mail}`);
}

function pages() {
  return self.clients.matchAll({ type: "window", includeUncontrolled: true });
}
