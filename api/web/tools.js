// What a person reads, writes and changes mails with. It comes after the first view of a desk.

import { Compose } from "./compose.js";
import { Deeds } from "./deeds.js";
import { confirm } from "./dialogs.js";
import { Reader } from "./mail.js";
import { forgetPush } from "./push.js";
import { drawToolbar } from "./toolbar.js";

export class Tools {
  constructor(desk) {
    const { client, mailbox, me } = desk;
    this.desk = desk;
    this.compose = new Compose(client, me.address);
    this.deeds = new Deeds(desk, this);
    this.reader = this.#newReader();
    mailbox.addEventListener("mail", (event) => this.compose.hear(event.detail));
    desk.element.append(this.compose.element);
  }

  #newReader() {
    const { desk, deeds, compose } = this;
    return new Reader(desk.mailbox, desk.pane, {
      nothing: () => desk.showNothing(),
      back: () => desk.back(),
      openId: (id) => desk.open(id),
      reply: (email, kind) => deeds.reply(email, kind),
      star: (email) => deeds.star(email),
      flag: (lines, flags) => deeds.flag(lines, flags),
      spam: (lines, is) => deeds.report(this.#whole(lines), is),
      remove: (lines) => deeds.remove(this.#whole(lines)),
      moveMenu: (anchor, lines) => deeds.moveMenu(anchor, this.#whole(lines)),
      labelMenu: (anchor, lines) => deeds.labelMenu(anchor, lines),
      snoozeMenu: (anchor, lines) => deeds.snoozeMenu(anchor, this.#whole(lines)),
      composeTo: (mail) => compose.open(mail),
      write: (id) => compose.openDraft(id).catch((problem) => desk.trouble(problem)),
      key: desk.keys,
      trouble: (problem) => desk.trouble(problem),
    });
  }

  /** The mails that keys act on. */
  get chosen() {
    const { list, openId } = this.desk;
    const selected = list.selectedLines;
    if (selected.length) return selected;
    const { email } = this.reader;
    if (email && openId === email.email_id) return this.#whole([email]);
    return list.activeLine ? [list.activeLine] : [];
  }

  /** The rows of mails that are listed as conversations: what is moved is moved as a whole. */
  #whole(lines) {
    return lines.map((line) => this.desk.mailbox.rowOf(line.email_id) ?? line);
  }

  drawToolbar() {
    drawToolbar(this.desk, this.deeds);
  }

  /** Go on with a draft. */
  async openDraft(id) {
    try {
      await this.compose.openDraft(id);
    } catch (problem) {
      // Other mail can be put among drafts, too.
      if (problem.status === 404) this.desk.open(id);
      else this.desk.trouble(problem);
    }
  }

  /** Make ready to leave; false if the person wants to stay. */
  async leave() {
    const { compose, desk } = this;
    if (compose.isKept && !(await compose.settle())) {
      const question = "Sign out and discard the mail that you have not sent yet?";
      if (!(await confirm(question, { yes: "Sign out" }))) return false;
      compose.forget();
    }
    await forgetPush(desk.client).catch(() => {});
    return true;
  }
}
