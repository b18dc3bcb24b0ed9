// The start of the page: who is signed in, and what they see.

import { askAhead } from "./ahead.js";
import { Client } from "./client.js";
import { h } from "./dom.js";
import { later } from "./later.js";
import { forgetSession, storedSession } from "./session.js";

const page = document.getElementById("page");
const banner = document.getElementById("banner");
let desk = null;
let address = "";
let opening = null; // the session whose mailbox is being opened

async function showSignIn(why = "") {
  desk?.close();
  desk = opening = null;
  forgetSession();
  banner.hidden = true;
  document.title = "Sign in – Rillmail";
  page.replaceChildren(); // nobody else sees the mailbox, whatever comes
  try {
    const { signInPage } = await later("signin");
    if (!opening) page.replaceChildren(signInPage(showMail, { why, username: why ? address : "" }));
  } catch (problem) {
    showProblem(problem.words, () => showSignIn(why));
  }
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
    showProblem(problem.words ?? "The page could not be loaded. Check the connection, then try again.",
      () => (problem.words ? showMail(session) : location.reload()));
    return;
  }
  if (opening !== session) return;
  desk = new Desk({ client, me, banner, ahead, onSignedOut: showSignIn });
  page.replaceChildren(desk.element);
  await desk.start();
}

function showProblem(words, again) {
  page.replaceChildren(h("div", { class: "starting", role: "alert" }, h("p", {}, words),
    h("button", { type: "button", class: "button", onclick: again }, "Try again")));
}

const session = storedSession();
if (session) showMail(session);
else showSignIn();
