// The HTTP API, one method a request. What went wrong is always a Problem.

const TIMEOUT_MS = 30_000;
const UPLOAD_MS = 10 * 60_000; // of a file, or of a mail with files
const EXPORT_MS = 4 * 3_600_000; // of all that one has

/** What went wrong, in words: from a problem+json answer (RFC 9457), or of our own. */
export class Problem extends Error {
  constructor({ title, detail = "", status = 0, type = "", errors = [], advice = "", position = null }) {
    super(detail || title);
    Object.assign(this, { title, detail, status, type, errors, advice, position });
  }

  /** One or two sentences for a person. */
  get words() {
    const parts = [this.detail || this.title, this.advice].filter(Boolean);
    return parts.map((part) => sentence(part)).join(" ");
  }
}

function sentence(text) {
  const ended = /[.!?]$/.test(text) ? text : `${text}.`;
  // An address or a field's name at the beginning keeps its spelling.
  return /^\p{Ll}+[ ,]/u.test(ended) ? ended[0].toUpperCase() + ended.slice(1) : ended;
}

const OFFLINE = {
  title: "The server can’t be reached.",
  detail: "The server can’t be reached. Check the connection, then try again.",
};

const BY_STATUS = {
  401: "Sign in again to go on",
  404: "This is not there any more",
  413: "This is too large to send",
  429: "That was too much at once: wait a moment, then try again",
  503: "The server can’t do this just now: try again in a moment",
};

export class Client {
  #end;

  constructor(token) {
    this.token = token;
    /** Resolves when the token is not valid any more. */
    this.ended = new Promise((resolve) => { this.#end = resolve; });
  }

  static async signIn(username, password, otp = "") {
    const form = new URLSearchParams({ grant_type: "password", username, password });
    if (otp) form.set("otp", otp);
    const answer = await ask("/auth/token", { method: "POST", body: form });
    return await answer.json();
  }

  me() { return this.#json("GET", "/me"); }
  folders() { return this.#json("GET", "/folders"); }
  createFolder(body) { return this.#json("POST", "/folders", { body }); }
  changeFolder(id, body) { return this.#json("PATCH", `/folders/${enc(id)}`, { body }); }
  deleteFolder(id) { return this.#json("DELETE", `/folders/${enc(id)}`); }
  labels() { return this.#json("GET", "/labels"); }
  createLabel(body) { return this.#json("POST", "/labels", { body }); }
  changeLabel(id, body) { return this.#json("PATCH", `/labels/${enc(id)}`, { body }); }
  deleteLabel(id) { return this.#json("DELETE", `/labels/${enc(id)}`); }
  labelled(id, query) { return this.#json("GET", `/labels/${enc(id)}/emails`, { query }); }
  restore(email_ids) { return this.#json("POST", "/emails/restore", { body: { email_ids } }); }
  emptyFolder(id) { return this.#json("DELETE", `/folders/${enc(id)}/emails`); }
  putLabels(body) { return this.#json("POST", "/emails/labels", { body }); }
  listing(id, query) { return this.#json("GET", `/folders/${enc(id)}/emails`, { query }); }
  search(query) { return this.#json("GET", "/emails/search", { query }); }
  email(id, query) { return this.#json("GET", `/emails/${enc(id)}`, { query }); }
  changes(since) { return this.#json("GET", "/changes", { query: { since, limit: 500 } }); }
  verdict(id) { return this.#json("GET", `/emails/${enc(id)}/verdict`); }
  delivery(id) { return this.#json("GET", `/emails/${enc(id)}/delivery`); }
  sessions() { return this.#json("GET", "/auth/sessions"); }
  endSession(id) { return this.#json("DELETE", `/auth/sessions/${enc(id)}`); }
  setPassword(body) { return this.#json("PATCH", "/me/password", { body }); }
  totp() { return this.#json("GET", "/me/totp"); }
  proposeTotp(body) { return this.#json("POST", "/me/totp", { body }); }
  confirmTotp(body) { return this.#json("POST", "/me/totp/confirm", { body }); }
  disableTotp(body) { return this.#json("POST", "/me/totp/disable", { body }); }
  away() { return this.#json("GET", "/settings/vacation"); }
  setAway(body) { return this.#json("PUT", "/settings/vacation", { body }); }
  forwards() { return this.#json("GET", "/settings/forwarding"); }
  setForwards(body) { return this.#json("PUT", "/settings/forwarding", { body }); }
  identities() { return this.#json("GET", "/settings/identities"); }
  putIdentity(address, body) {
    return this.#json("PUT", `/settings/identities/${enc(address)}`, { body });
  }
  forgetIdentity(address) { return this.#json("DELETE", `/settings/identities/${enc(address)}`); }
  scripts() { return this.#json("GET", "/rules/scripts"); }
  script(name) { return this.#json("GET", `/rules/scripts/${enc(name)}`); }
  putScript(name, source, etag) {
    const headers = etag ? { "If-Match": etag } : { "If-None-Match": "*" };
    return this.#json("PUT", `/rules/scripts/${enc(name)}`, { body: { source }, headers });
  }
  deleteScript(name, etag) {
    return this.#json("DELETE", `/rules/scripts/${enc(name)}`, { headers: { "If-Match": etag } });
  }
  activateScript(name) { return this.#json("PUT", "/rules/active", { body: { name } }); }
  pushKey() { return this.#json("GET", "/push/key"); }
  subscribePush(body) { return this.#json("POST", "/push/subscriptions", { body }); }
  unsubscribePush(id) { return this.#json("DELETE", `/push/subscriptions/${enc(id)}`); }
  snoozed(id) { return this.#json("GET", `/emails/${enc(id)}/snooze`); }
  bringBack(id) { return this.#json("DELETE", `/emails/${enc(id)}/snooze`); }
  remind(id, remind_at) { return this.#json("POST", `/emails/${enc(id)}/reminder`, { body: { remind_at } }); }
  remindNoMore(id) { return this.#json("DELETE", `/emails/${enc(id)}/reminder`); }
  unsubscribing(id) { return this.#json("GET", `/emails/${enc(id)}/unsubscribe`); }
  unsubscribe(id) { return this.#json("POST", `/emails/${enc(id)}/unsubscribe`); }
  quarantine(state, cursor) {
    return this.#json("GET", "/admin/quarantine", { query: { state, cursor, limit: 20 } });
  }
  held(id) { return this.#json("GET", `/admin/quarantine/${enc(id)}`); }
  releaseHeld(id) { return this.#json("POST", `/admin/quarantine/${enc(id)}/release`); }
  dropHeld(id) { return this.#json("DELETE", `/admin/quarantine/${enc(id)}`); }
  blocked(cursor) {
    return this.#json("GET", "/settings/blocked", { query: { cursor, limit: 500 } });
  }
  block(body) { return this.#json("POST", "/settings/blocked", { body }); }
  unblock(target) { return this.#json("DELETE", `/settings/blocked/${enc(target)}`); }
  contacts(q, limit) { return this.#json("GET", "/contacts", { query: { q, limit } }); }
  renameContact(address, name) {
    return this.#json("PUT", `/contacts/${enc(address)}`, { body: { name } });
  }
  removeContact(address) { return this.#json("DELETE", `/contacts/${enc(address)}`); }
  threads(query) { return this.#json("GET", "/threads", { query }); }
  thread(id) { return this.#json("GET", `/threads/${enc(id)}`); }
  change(id, body) { return this.#json("PATCH", `/emails/${enc(id)}`, { body }); }
  changeMany(body) { return this.#json("POST", "/emails/batch", { body }); }
  draft(id) { return this.#json("GET", `/drafts/${enc(id)}`); }
  beginDraft(body, key) {
    return this.#json("POST", "/drafts", { body, headers: { "Idempotency-Key": key } });
  }
  saveDraft(id, etag, body) {
    return this.#json("PUT", `/drafts/${enc(id)}`, { body, headers: { "If-Match": etag } });
  }
  discardDraft(id) { return this.#json("DELETE", `/drafts/${enc(id)}`); }
  sendDraft(id, etag) {
    const headers = { "If-Match": etag };
    return this.#json("POST", `/drafts/${enc(id)}/send`, { headers, timeout_ms: UPLOAD_MS });
  }
  topology() { return this.#json("GET", "/admin/topology"); }
  trace(id) { return this.#json("GET", `/admin/trace/${enc(id)}`); }
  deadLetters(query) { return this.#json("GET", "/admin/dead-letters", { query }); }
  deadLetter(id) { return this.#json("GET", `/admin/dead-letters/${enc(id)}`); }

  /** The picture of the topology, as SVG text. */
  async topologyPicture() { return await (await this.#ask("GET", "/admin/topology/picture")).text(); }

  takeBack(id) { return this.#json("DELETE", `/emails/${enc(id)}/send`); }

  /** A file that a draft may name then; `file` is a Blob. */
  upload(file, name, type) {
    const query = { file_name: name };
    return this.#json("POST", "/attachments", { query, body: file, type, timeout_ms: UPLOAD_MS });
  }

  /** The raw message, as a Blob. */
  async raw(id) { return await (await this.#ask("GET", `/emails/${enc(id)}/raw`)).blob(); }

  /** An attachment's content, as a Blob. */
  async content(url) {
    return await (await this.#ask("GET", url, { query: { here: true }, timeout_ms: UPLOAD_MS }))
      .blob();
  }

  /** Where an attachment can be downloaded for some minutes, by whoever has the URL. */
  async download(url) {
    return (await this.#json("GET", url, { query: { redirect: false } })).url;
  }

  /** Everything that one has, as a Blob, and what it is called. */
  async takeout(query) {
    const answer = await this.#ask("GET", `/export?${query}`, { timeout_ms: EXPORT_MS });
    const [, name = "rillmail.zip"] = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition")) ?? [];
    return { file: await answer.blob(), name };
  }

  async #json(method, path, options) {
    const answer = await this.#ask(method, path, options);
    const text = await answer.text();
    return text ? JSON.parse(text) : null;
  }

  async #ask(method, path, { query = {}, body, type, headers = {}, timeout_ms } = {}) {
    const known = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
    const url = known.length ? `${path}?${new URLSearchParams(known)}` : path;
    const init = { method, headers: { Authorization: `Bearer ${this.token}`, ...headers } };
    if (body !== undefined) {
      init.body = type || typeof body === "string" ? body : JSON.stringify(body);
      init.headers["Content-Type"] = type ?? "application/json";
    }
    try {
      return await ask(url, init, timeout_ms);
    } catch (problem) {
      if (problem.status === 401) this.#end();
      throw problem;
    }
  }
}

async function ask(url, init, timeout_ms = TIMEOUT_MS) {
  let answer;
  try {
    answer = await fetch(url, { ...init, signal: AbortSignal.timeout(timeout_ms) });
  } catch {
    throw new Problem(OFFLINE);
  }
  if (answer.ok) return answer;
  let told = {};
  try {
    told = await answer.json();
  } catch {
    // A proxy's page: its status says enough.
  }
  throw problemOf(answer.status, told);
}

/** The problem that an answer with this status tells. */
export function problemOf(status, told) {
  return new Problem({
    title: BY_STATUS[status] ?? `The server answered ${status}: try again later`, ...told, status });
}

const enc = encodeURIComponent;
