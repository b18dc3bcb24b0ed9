// One draft, kept at the server as it is typed: one request at a time, and none is lost.
//
// A request that got no answer is asked again as it was, which the server answers alike. Only
// then what was typed since is saved. If somebody else saved the draft meanwhile, nothing is
// overwritten: whoever typed here decides.

const TYPED_MS = 1_000; // without a key before it is saved
const AGAIN_MS = 5_000; // before a save that got no answer is tried again

export class DraftKeeper {
  id = null;
  etag = null;
  conflict = null; // what is there instead: a draft, or "gone"
  #saved = ""; // what the server has
  #attempt = null; // what was asked and not answered yet
  #running = null;
  #timer = null;

  /**
   * @param read resolves to what is typed now, or to null if that is nothing
   * @param onState takes a state ("", "saving", "saved", "waiting", "refused", "conflict") and,
   *   where it helps, the problem
   * @param onSaved takes each draft as the server has it, and what was asked, in which it may
   *   put what the server calls otherwise
   */
  constructor(client, { read, onState, onSaved }) {
    Object.assign(this, { client, read, onState, onSaved });
  }

  /** Go on with a draft that the server has; `body` is what it holds, as `read` would say it. */
  resume({ id, etag, body = null }) {
    Object.assign(this, { id, etag });
    if (body !== null) this.#saved = JSON.stringify(body);
  }

  /** Something was typed: save it soon. */
  changed() {
    if (this.conflict) return;
    clearTimeout(this.#timer);
    this.onState("");
    this.#later(TYPED_MS);
  }

  /** Save what is typed, and return once the server has it; raises the problem if it can’t. */
  async flush() {
    clearTimeout(this.#timer);
    if (this.conflict) throw new Error("The draft was changed elsewhere: decide that first.");
    if (this.#running) await this.#running.catch(() => {});
    this.#running ??= this.#save().finally(() => {
      this.#running = null;
    });
    await this.#running;
  }

  /** Stop saving; what was asked is not taken back. */
  stop() {
    clearTimeout(this.#timer);
    this.stopped = true;
  }

  /** Somebody saved this draft; if it was not us, what they wrote is told. */
  async look() {
    if (this.#running) await this.#running.catch(() => {});
    if (this.stopped || this.conflict || !this.id) return;
    const there = await this.client.draft(this.id);
    if (there.etag !== this.etag && !this.#running && !this.stopped) this.#collide(there);
  }

  /** Go on with what is typed here, in place of what is there. */
  async keepMine() {
    const { conflict } = this;
    this.conflict = null;
    if (conflict === "gone") Object.assign(this, { id: null, etag: null });
    else this.etag = conflict.etag;
    this.#saved = "";
    await this.flush();
  }

  #later(after_ms) {
    this.#timer = setTimeout(() => this.flush().catch(() => {}), after_ms); // told by onState
  }

  #collide(there) {
    this.#attempt = null;
    this.conflict = there;
    this.onState("conflict");
  }

  async #save() {
    while (!this.stopped) {
      const typed = await this.#typed();
      const body = JSON.stringify(typed ?? {});
      if (!this.#attempt) {
        if (body === this.#saved || (typed === null && !this.id)) {
          this.onState(this.id ? "saved" : "");
          return;
        }
        this.#attempt = { id: this.id, etag: this.etag, body, key: randomKey() };
      }
      this.onState("saving");
      const draft = await this.#ask(this.#attempt);
      if (!draft) continue; // it is safe, and not seen yet
      const asked = JSON.parse(this.#attempt.body);
      this.#attempt = null;
      Object.assign(this, { id: draft.draft_id, etag: draft.etag });
      this.onSaved(draft, asked);
      this.#saved = JSON.stringify(asked);
    }
  }

  async #typed() {
    try {
      return await this.read();
    } catch (problem) {
      this.onState("refused", problem);
      throw problem;
    }
  }

  async #ask({ id, etag, body, key }) {
    try {
      const told = id
        ? await this.client.saveDraft(id, etag, body)
        : await this.client.beginDraft(body, key);
      if (told.draft_id) return told;
      await new Promise((resolve) => setTimeout(resolve, TYPED_MS));
      return null;
    } catch (problem) {
      await this.#failed(problem);
      throw problem;
    }
  }

  async #failed(problem) {
    if (!problem.status || problem.status >= 500 || problem.status === 429) {
      this.onState("waiting", problem);
      if (problem.status !== 507 && !this.stopped) this.#later(AGAIN_MS);
      return;
    }
    this.#attempt = null;
    if (problem.status === 404) this.#collide("gone");
    else if (problem.status === 412) this.#collide(await this.client.draft(this.id));
    else this.onState("refused", problem);
  }
}

export function randomKey() {
  // randomUUID is missing where the page is served without TLS from another machine.
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
