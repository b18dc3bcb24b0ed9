// Changes as they happen: one WebSocket, opened again from the last cursor when it falls.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

export class Live {
  /**
   * @param cursor the number of the last change that is known
   * @param ask fetches changes since a cursor by HTTP, as GET /changes answers them
   * @param onChange takes each change, in order and once
   * @param onState takes true when connected, false when not
   * @param onLost is called when the changes since the cursor are not kept any more; resolves
   *   to the cursor to go on from
   */
  constructor({ token, cursor, ask, onChange, onState, onLost }) {
    Object.assign(this, { token, cursor, ask, onChange, onState, onLost });
    this.wait_ms = FIRST_WAIT_MS;
    this.stopped = false;
    this.retry = () => this.#resume();
    // A socket that died in a sleeping machine says so late: whoever looks again sees the truth.
    this.look = () => {
      if (document.visibilityState === "visible" && this.#isOpen) this.#catchUp().catch(() => {});
    };
  }

  start() {
    addEventListener("online", this.retry);
    document.addEventListener("visibilitychange", this.look);
    this.#open();
  }

  stop() {
    this.stopped = true;
    removeEventListener("online", this.retry);
    document.removeEventListener("visibilitychange", this.look);
    clearTimeout(this.timer);
    this.socket?.close();
  }

  get #isOpen() {
    return this.socket && this.socket.readyState <= WebSocket.OPEN;
  }

  #open() {
    if (this.stopped || this.#isOpen) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const url = `${scheme}://${location.host}/ws?since=${this.cursor}`;
    // A page can't set a header here, and an address would be logged: so, a subprotocol.
    const socket = new WebSocket(url, ["bearer", this.token]);
    this.socket = socket;
    socket.onopen = () => {
      this.wait_ms = FIRST_WAIT_MS;
      this.onState(true);
    };
    socket.onmessage = (event) => this.#take(JSON.parse(event.data));
    socket.onclose = () => this.#later();
  }

  #take(change) {
    if (!(change.cursor > this.cursor)) return; // known already, or a sign of life
    this.cursor = change.cursor;
    if (change.type === "mailbox.rebuilt") this.onLost().catch(() => {}); // all may be different
    else this.onChange(change);
  }

  #later() {
    if (this.stopped) return;
    this.onState(false);
    clearTimeout(this.timer);
    // Spread, so that a server that comes back isn't met by everyone at once.
    this.timer = setTimeout(this.retry, this.wait_ms * (0.5 + Math.random() / 2));
    this.wait_ms = Math.min(this.wait_ms * 2, LONGEST_WAIT_MS);
  }

  /** Catch up by HTTP first: it tells why it can't, which a socket does not. */
  async #resume() {
    if (this.stopped || this.#isOpen) return;
    clearTimeout(this.timer);
    try {
      await this.#catchUp();
    } catch (problem) {
      if (problem.status !== 401) this.#later(); // else the page asks to sign in again
      return;
    }
    this.#open();
  }

  async #catchUp() {
    try {
      for (let page = { has_more: true }; page.has_more && !this.stopped; ) {
        page = await this.ask(this.cursor);
        page.changes.forEach((change) => this.#take(change));
        this.cursor = Math.max(this.cursor, page.cursor);
      }
    } catch (problem) {
      if (!problem.type?.endsWith(":cursor-too-old")) throw problem;
      this.cursor = await this.onLost();
    }
  }
}
