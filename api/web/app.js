// The start of the page: who is signed in, and what they see.

import { askAhead } from "./ahead.js";
import { Client } from "./client.js";
import { h } from "./dom.js";
import { forgetSession, signInPage, storedSession } from "./signin.js";

const page = document.getElementById("page");
const banner = document.getElementById("banner");
let desk = null;
let address = "";
let opening = null; // the session whose mailbox is being opened

function showSignIn(why = "") {
  desk?.close();
  desk = opening = null;
  forgetSession();
  banner.hidden = true;
  document.title = "Sign in – Rillmail";
  page.replaceChildren(signInPage(showMail, { why, username: why ? address : "" }));
}

async function showMail(session) {
  opening = session;
  const client = new Client(session.token, () => showSignIn("Your session has ended. Sign in again."));
  const ahead = askAhead(client); // while the rest of the page is on its way
  ahead.me.then((known) => { address = known.address; }, () => {}); // before the session can end
  page.replaceChildren(h("p", { class: "starting", role: "status" }, "Opening your mailbox…"));
  let me;
  let Desk;
  try {
    [me, { Desk }] = await Promise.all([ahead.me, import("./desk.js")]);
  } catch (problem) {
    if (opening !== session) return; // the sign-in page is there already
    page.replaceChildren(h("div", { class: "starting", role: "alert" },
      h("p", {}, problem.words ?? "The page could not be loaded. Check the connection, then try again."),
      h("button", { type: "button", class: "button", onclick: () => (problem.words ? showMail(session) : location.reload()) }, "Try again")));
    return;
  }
  if (opening !== session) return;
  desk = new Desk({ client, me, banner, ahead, onSignedOut: showSignIn });
  page.replaceChildren(desk.element);
  await desk.start();
}

const session = storedSession();
if (session) showMail(session);
else showSignIn();
