// The start of the page: who is signed in, and what they see.

import { Client } from "./client.js";
import { Desk } from "./desk.js";
import { h } from "./dom.js";
import { forgetSession, signInPage, storedSession } from "./signin.js";

const page = document.getElementById("page");
const banner = document.getElementById("banner");
let desk = null;
let address = "";

function showSignIn(why = "") {
  desk?.close();
  desk = null;
  forgetSession();
  banner.hidden = true;
  document.title = "Sign in – Rillmail";
  page.replaceChildren(signInPage(showMail, { why, username: why ? address : "" }));
}

async function showMail(session) {
  const client = new Client(session.token, () => showSignIn("Your session has ended. Sign in again."));
  page.replaceChildren(h("p", { class: "starting", role: "status" }, "Opening your mailbox…"));
  let me;
  try {
    me = await client.me();
  } catch (problem) {
    if (problem.status === 401) return; // the sign-in page is there already
    page.replaceChildren(h("div", { class: "starting", role: "alert" },
      h("p", {}, problem.words),
      h("button", { type: "button", class: "button", onclick: () => showMail(session) }, "Try again")));
    return;
  }
  address = me.address;
  desk = new Desk({ client, me, banner, onSignedOut: showSignIn });
  page.replaceChildren(desk.element);
  await desk.start();
}

const session = storedSession();
if (session) showMail(session);
else showSignIn();
