// The start of the page: who is signed in, and what they see.

import { askAhead, begun } from "./ahead.js";
import { h } from "./dom.js";
import { later } from "./later.js";
import { readPlace } from "./place.js";
import { forgetSession } from "./session.js";

const TELL_MS = 300; // before it is told that the mailbox is awaited
const PATIENCE_MS = 150; // for what is shown first, once all else is there

const page = document.getElementById("page");
const banner = document.getElementById("banner");
let desk = null;
let address = "";
let opening = null; // what was asked ahead for the mailbox that is being opened

async function showSignIn(why = "") {
  desk?.close();
  desk = opening = null;
  forgetSession();
  banner.hidden = true;
  document.title = "Sign in – Rillmail";
  page.replaceChildren(); // nobody else sees the mailbox, whatever comes
  try {
    const { signInPage } = await later("signin");
    const done = (session) => showMail(askAhead(session));
    if (!opening) page.replaceChildren(signInPage(done, { why, username: why ? address : "" }));
  } catch (problem) {
    showProblem(problem.words, () => showSignIn(why));
  }
}

async function showMail(ahead) {
  opening = ahead;
  const { client } = ahead;
  client.ended.then(() => showSignIn("Your session has ended. Sign in again."));
  ahead.me.then((known) => { address = known.address; }, () => {}); // before the session can end
  if (readPlace(location.hash).mail) later("tools").catch(() => {}); // asked for again by the desk
  page.replaceChildren();
  const telling = setTimeout(() => page.replaceChildren(
    h("p", { class: "starting", role: "status" }, "Opening your mailbox…")), TELL_MS);
  let me;
  let Desk;
  try {
    me = await ahead.me;
    // It runs while the answers to what was asked then are on their way.
    [{ Desk }] = await Promise.all([import("./desk.js"), settled(ahead)]);
  } catch (problem) {
    if (opening !== ahead) return; // the sign-in page is there already
    showProblem(problem.words ?? "The page could not be loaded. Check the connection, then try again.",
      () => (problem.words ? showMail(askAhead(ahead.session)) : location.reload()));
    return;
  } finally {
    clearTimeout(telling);
  }
  if (opening !== ahead) return;
  desk = new Desk({ client, me, banner, ahead, onSignedOut: showSignIn });
  page.replaceChildren(desk.element);
  await desk.start();
}

/** Resolves when what is shown first is there, or will not come soon: then all is drawn once. */
function settled({ folders, labels, listing }) {
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  return Promise.race([patience, Promise.allSettled([folders, labels, listing.page])]);
}

function showProblem(words, again) {
  page.replaceChildren(h("div", { class: "starting", role: "alert" }, h("p", {}, words),
    h("button", { type: "button", class: "button", onclick: again }, "Try again")));
}

if (begun) showMail(begun);
else showSignIn();
