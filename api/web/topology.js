// The topology page: who looks, what is asked again and again, and where one is in it.

import { Client } from "./client.js";
import { h } from "./dom.js";
import { announce } from "./notices.js";
import { Picture } from "./picture.js";
import { forgetSession, storedSession } from "./session.js";
import { signInPage } from "./signin.js";
import { Stages } from "./stages.js";
import { Trace } from "./trace.js";

const EVERY_MS = 5_000;
const LONGEST_MS = 60_000; // between two looks, while they fail

const page = document.getElementById("page");
let board = null;

class Board {
  #failed = 0;
  #timer = null;

  constructor(client) {
    this.client = client;
    this.told = h("p", { class: "told dim" }, "Looking…");
    this.trouble = h("p", { class: "trouble", role: "alert", hidden: true });
    this.stages = new Stages(client, { trace: (id) => this.go(`#/mail/${encodeURIComponent(id)}`) });
    this.picture = new Picture((name) => this.stages.open(name));
    this.trace = new Trace(client, {
      open: (name) => this.stages.open(name),
      find: (id) => this.go(`#/mail/${encodeURIComponent(id)}`),
    });
    this.element = h("main", { class: "board" },
      h("header", { class: "board-head" },
        h("h1", {}, "How mail flows"), this.told, h("span", { class: "gap" }),
        h("a", { class: "button", href: "/" }, "To the mailbox")),
      this.trouble, this.trace.element, this.picture.element, this.stages.element);
    this.onhash = () => this.follow();
    this.onseen = () => !document.hidden && this.look();
  }

  async start() {
    addEventListener("hashchange", this.onhash);
    document.addEventListener("visibilitychange", this.onseen);
    this.follow();
    await this.look();
  }

  close() {
    removeEventListener("hashchange", this.onhash);
    document.removeEventListener("visibilitychange", this.onseen);
    clearTimeout(this.#timer);
    this.isClosed = true;
  }

  /** Ask how it stands, and again in a while: later and later while there is no answer. */
  async look() {
    clearTimeout(this.#timer);
    if (this.isClosed || document.hidden) return; // seen again, it looks at once
    try {
      if (!this.picture.isDrawn) this.picture.draw(await this.client.topologyPicture());
      this.show(await this.client.topology());
      if (this.#failed) announce("The figures are up to date again.");
      this.#failed = 0;
    } catch (problem) {
      this.#failed += 1;
      this.fail(problem.words ?? `Something went wrong in this page: ${problem}. Reload it.`);
    }
    if (this.isClosed) return;
    const wait = Math.min(EVERY_MS * 2 ** Math.min(this.#failed, 6), LONGEST_MS);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.look(), this.#failed ? wait : EVERY_MS);
  }

  show(topology) {
    this.picture.show(topology.stages);
    this.stages.show(topology);
    const at = new Date(topology.at).toLocaleTimeString();
    this.told.textContent = `As of ${at}, over the last minute`;
    this.tell(topology.unknown.length ? `Not known: ${topology.unknown.join("; ")}` : "");
  }

  fail(words) {
    this.tell(`${words} What is shown may be old; it is asked again.`);
  }

  tell(words) {
    if (this.trouble.textContent !== words) this.trouble.textContent = words;
    this.trouble.hidden = !words;
  }

  go(hash) {
    if (location.hash === hash) this.follow();
    else location.hash = hash;
  }

  follow() {
    const [, kind, name] = /^#\/(mail|stage)\/(.+)$/.exec(location.hash) ?? [];
    let decoded = "";
    try {
      decoded = decodeURIComponent(name ?? "");
    } catch {
      return; // typed by hand
    }
    if (kind === "mail") this.trace.find(decoded);
    if (kind === "stage") this.stages.open(decoded);
  }
}

function showSignIn(why = "") {
  board?.close();
  board = null;
  forgetSession();
  page.replaceChildren(signInPage(showBoard, { why }));
}

async function showBoard(session) {
  const client = new Client(session.token);
  client.ended.then(() => showSignIn("Your session has ended. Sign in again."));
  page.replaceChildren(h("p", { class: "starting", role: "status" }, "Looking…"));
  let me;
  try {
    me = await client.me();
  } catch (problem) {
    if (problem.status === 401) return; // the sign-in page is there already
    page.replaceChildren(h("div", { class: "starting", role: "alert" }, h("p", {}, problem.words),
      h("button", { type: "button", class: "button", onclick: () => showBoard(session) }, "Try again")));
    return;
  }
  if (!me.is_admin) {
    page.replaceChildren(h("div", { class: "starting" },
      h("p", { role: "alert" }, "This page is for administrators."),
      h("a", { class: "button", href: "/" }, "To the mailbox"),
      h("button", { type: "button", class: "button", onclick: () => showSignIn() }, "Sign in as somebody else")));
    return;
  }
  board = new Board(client);
  page.replaceChildren(board.element);
  await board.start();
}

const session = storedSession();
if (session) showBoard(session);
else showSignIn();
