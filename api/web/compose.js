// Writing a mail. It is saved as a draft while it is typed; what the server does not have yet is
// kept in this browser.

import { confirm } from "./dialogs.js";
import { h, iconButton } from "./dom.js";
import { DraftKeeper } from "./draft.js";
import { Form, asTyped } from "./form.js";
import { fullDate } from "./format.js";
import { Identities } from "./identities.js";
import { Kept } from "./kept.js";
import { toast } from "./notices.js";

const STATES = { saving: "Saving…", saved: "Saved", waiting: "Not saved yet.", refused: "Not saved." };
const NARROW = matchMedia("(max-width: 720px)"); // as in panes.css: it covers the page
const HEARD_MS = 5_000; // what is told of a draft so soon after it was saved here is our own

export class Compose {
  #savedAt = 0;
  #isLeft = false; // what is in the form was closed, and is being saved still
  #leaving = Promise.resolve(true); // what was closed is being saved

  constructor(client, address) {
    this.client = client;
    this.kept = new Kept(address);
    this.identities = new Identities(client);
    this.form = new Form(client, this.identities, {
      typed: () => this.#typed(), send: () => this.#send(), discard: () => this.#discard() });
    this.title = h("h2", { id: "compose-title" }, "New mail");
    this.notice = h("div", { class: "compose-notice", role: "alert", hidden: true });
    this.element = h("section", { class: "compose", role: "dialog", "aria-labelledby": "compose-title",
      hidden: true, onkeydown: (event) => this.#key(event) },
    h("div", { class: "compose-head" }, this.title,
      iconButton("close", "Close; the text is kept in Drafts", () => this.close())),
    this.notice, this.form.element);
    this.keeper = this.#newKeeper();
    this.drop = (event) => this.#drop(event);
    for (const type of ["dragover", "drop"]) document.addEventListener(type, this.drop);
    this.cover = () => this.#cover();
    NARROW.addEventListener("change", this.cover);
  }

  /** Hear no more of what is dropped, and of the window. */
  detach() {
    for (const type of ["dragover", "drop"]) document.removeEventListener(type, this.drop);
    NARROW.removeEventListener("change", this.cover);
  }

  /** Files that are dropped are attached. Where none can be, the browser does not open them in place of the page. */
  #drop(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    const canBe = this.isOpen && !this.form.element.inert && !document.querySelector("dialog[open]");
    event.dataTransfer.dropEffect = canBe ? "copy" : "none";
    if (canBe && event.type === "drop") this.form.files.add(event.dataTransfer.files);
  }

  get isOpen() { return !this.element.hidden; }

  set isOpen(is) {
    this.element.hidden = !is;
    this.#cover();
  }

  /** Where it covers the page, as on a phone, nothing behind it is reached. */
  #cover() {
    const covers = this.isOpen && NARROW.matches;
    for (const each of this.element.parentElement?.children ?? []) {
      if (each !== this.element) each.inert = covers;
    }
  }

  /** Is there a text that the server may not have? */
  get isKept() { return this.isOpen || this.kept.read() !== null; }

  /** Forget the text. */
  forget() {
    this.kept.forget();
    this.#isLeft = false;
    this.keeper.stop();
  }

  /** Open again what was open when the page was loaded anew, or its session ended. */
  resume() { this.#takeUp(); }

  /** Open; without `mail`, with what was left in this browser. What is open is saved first. */
  async open(mail = null) {
    if (this.isOpen && !mail) return this.form.focus();
    await this.#leaving;
    if (!this.isOpen) await this.kept.inherit();
    const isBack = this.#takeUp();
    if (!mail && isBack) return;
    await this.identities.ready;
    if (!mail) return this.#begin(this.#signed({}));
    if (this.isOpen && !(await this.leave()) && !(await this.#mayDiscard())) return;
    this.#begin(this.#signed(mail));
    if (!this.form.isEmpty) this.#typed();
  }

  /** `mail` with the signature of whom it is written as, above what is quoted. */
  #signed({ body = "", quoted = "", ...mail }) {
    return { ...mail, body: body + this.identities.below(mail.more?.from) + quoted };
  }

  /** Go on with what was left in this tab; true if there is anything. */
  #takeUp() {
    const kept = this.isOpen ? null : this.kept.read();
    if (!kept) return false;
    if (this.#isLeft) this.#unfold();
    else this.#begin(kept);
    return true;
  }

  /** Open a draft that the server has; raises the problem if it has not. */
  async openDraft(id) {
    await this.#leaving;
    if (this.#isLeft) this.#takeUp();
    if (this.isOpen && this.keeper.id === id) return this.form.focus();
    const draft = await this.client.draft(id);
    if (this.isOpen && !(await this.leave()) && !(await this.#mayDiscard())) return;
    await this.#resume(draft);
  }

  /** Save and close; false if it can’t be saved. */
  async leave() {
    try {
      await this.keeper.flush();
    } catch {
      return false;
    }
    this.forget();
    this.isOpen = false;
    return true;
  }

  /** The same for a text that was left in this browser. */
  settle() {
    this.#takeUp();
    return this.leave();
  }

  close() {
    this.isOpen = false;
    this.opener?.focus?.();
    this.#leaving = this.leave().then((isSaved) => {
      this.#isLeft = !isSaved;
      if (!isSaved) toast("The draft is not saved yet: it is kept in this browser.", { isError: true });
      else if (this.keeper.id) toast("Saved in Drafts.");
    });
  }

  /** A change of the mailbox: it may be of the draft that is open. */
  hear({ email_id: id, is_rewritten: is }) {
    if (!is || !this.isOpen || id !== this.keeper.id || Date.now() - this.#savedAt < HEARD_MS) return;
    this.keeper.look().catch(() => {}); // then it shows when it is saved
  }

  // --- what is open ---------------------------------------------------------------------

  #begin(mail) {
    this.#fill(mail);
    this.keeper = this.#newKeeper();
    if (!mail.draft) return;
    this.keeper.resume(mail.draft);
    this.#typed();
  }

  async #resume(draft) {
    this.#fill({ ...asTyped(draft), title: "Draft" });
    this.keeper = this.#newKeeper();
    this.keeper.resume({ id: draft.draft_id, etag: draft.etag, body: await this.form.given() });
    this.#show("saved");
    if (draft.sending) this.#offerBack(draft.sending);
  }

  #fill(mail) {
    this.form.fill(mail);
    this.title.textContent = mail.title ?? (this.form.isAnswer ? "Reply" : "New mail");
    this.#unfold();
  }

  #unfold() {
    if (!this.isOpen) this.opener = document.activeElement;
    this.#isLeft = false;
    this.isOpen = true;
    this.form.focus();
  }

  #newKeeper() {
    this.keeper?.stop(); // it would read what is typed from now on
    this.#show("");
    const keeper = new DraftKeeper(this.client, {
      read: () => this.form.given(),
      onState: (state, problem) => {
        if (keeper !== this.keeper) return;
        this.#show(state, problem);
        if (state !== "saved" || !this.#isLeft) return;
        this.forget();
        toast("Saved in Drafts.");
      },
      onSaved: (draft, asked) => {
        this.#savedAt = Date.now();
        this.form.files.took(asked.attachments ?? [], draft.attachments);
        this.#keep();
      },
    });
    return keeper;
  }

  // --- what is kept ---------------------------------------------------------------------

  #typed() {
    this.#keep();
    this.keeper.changed();
  }

  #keep() {
    const { id, etag } = this.keeper;
    const draft = id ? { id, etag } : null;
    if (this.form.isEmpty) this.kept.forget();
    else this.kept.write({ ...this.form.kept, title: this.title.textContent, draft });
  }

  // --- what is told ---------------------------------------------------------------------

  #show(state, problem = null) {
    const why = problem ? ` ${problem.words ?? problem.message}` : "";
    this.form.state.textContent = `${STATES[state] ?? ""}${why}`;
    this.notice.hidden = state !== "conflict";
    if (state === "conflict") this.#askWhich();
  }

  #note(text, buttons) {
    this.notice.replaceChildren(h("p", {}, text), ...buttons.map(([label, onclick]) =>
      h("button", { type: "button", class: "button", onclick }, label)));
    this.notice.hidden = false;
  }

  /** Somebody else saved, sent or deleted the draft: who types here decides what counts. */
  #askWhich() {
    const { keeper } = this;
    const { conflict } = keeper;
    const keepMine = () => {
      this.notice.hidden = true;
      keeper.keepMine().catch(() => {}); // told by its state
    };
    if (conflict === "gone") {
      this.#note("This draft was sent or deleted elsewhere.",
        [["Save as a new draft", keepMine], ["Close", () => this.#end()]]);
      return;
    }
    this.#note("This draft was changed elsewhere.", [
      ["Keep what I wrote", keepMine],
      ["Show what is there", () => {
        keeper.stop();
        this.#resume(conflict);
      }]]);
  }

  /** It is to be sent later as it is: nothing can be changed before that is taken back. */
  #offerBack({ email_id, undo_until }) {
    this.form.element.inert = true;
    this.#note(`It is to be sent on ${fullDate(undo_until)}.`, [
      ["Take it back to change it", () => this.#try(async () => {
        await this.client.takeBack(email_id);
        this.form.element.inert = false;
        this.notice.hidden = true;
        this.form.focus();
      })]]);
  }

  #mayDiscard() {
    return confirm("Discard the mail that you have not sent yet?", {
      detail: "It could not be saved as a draft.", yes: "Discard" });
  }

  async #try(act) {
    try {
      await act();
    } catch (problem) {
      toast(problem.words ?? String(problem), { isError: true });
    }
  }

  // --- the end --------------------------------------------------------------------------

  #end() {
    this.forget();
    this.isOpen = false;
    this.opener?.focus?.();
  }

  async #discard() {
    const { keeper } = this;
    if (!(await this.leave()) && !(await confirm("Discard this mail?", { yes: "Discard" }))) return;
    this.#end();
    if (!keeper.id || keeper.conflict === "gone") return;
    const restore = () => this.#try(async () => {
      await this.client.change(keeper.id, { folder_id: "drafts" });
      await this.openDraft(keeper.id);
    });
    await this.#try(async () => {
      await this.client.discardDraft(keeper.id);
      toast("The draft was moved to Trash.", { action: { label: "Undo", run: restore } });
    });
  }

  async #send() {
    const { form, keeper } = this;
    if (form.isSending) return;
    form.clearErrors();
    if (!form.files.draw()) return;
    if (!form.hasPeople) {
      form.fail("to", "Say to whom: an address such as name@mail.example.");
      return;
    }
    form.isSending = true;
    try {
      await keeper.flush();
      const isForLater = form.isForLater;
      const { email_id, status, undo_until } = await this.client.sendDraft(keeper.id, keeper.etag);
      this.#end();
      const undo = () => this.#try(async () => {
        await this.client.takeBack(email_id);
        await this.openDraft(keeper.id);
      });
      toast(isForLater ? `The mail waits in Drafts, to be sent on ${fullDate(undo_until)}.` : "The mail is sent.",
        { action: status === "scheduled" ? { label: "Undo", run: undo } : null });
    } catch (problem) {
      if (problem.status === 412) keeper.look().catch(() => {}); // it asks what counts
      else if (!keeper.conflict) form.show(problem);
    } finally {
      form.isSending = false;
    }
  }

  #key(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.#send();
    }
  }
}
