// Being reminded of a mail that was sent, if nobody answers it: chosen, shown, taken back.

import { h, iconButton } from "./dom.js";
import { fullDate } from "./format.js";
import { toast } from "./notices.js";
import { timeMenu } from "./snooze.js";

const ASKED = "Remind me if nobody answers";

/** Whether one can be reminded of a mail. */
export function canRemind({ folder_id, is_draft }) {
  return folder_id === "sent" && !is_draft;
}

/** A button that lets a person choose when; `at` tells what is chosen, `put` is given a Date or null. */
export function reminderButton(at, put) {
  const button = iconButton("later", ASKED, () => timeMenu(button, ASKED, "Remind me", put,
    at() ? [null, { label: "No reminder", run: () => put(null) }] : []), { "aria-haspopup": "menu" });
  return button;
}

/** When a person is reminded, in a sentence. */
export function reminderText(at) {
  return `You are reminded on ${fullDate(at)} if nobody answers.`;
}

/** The line that tells when, above a mail that was sent; and the button that sets it. */
export class Reminder {
  element = h("div", { class: "unsubscribe-bar", role: "status", hidden: true });

  constructor(client, email) {
    this.client = client;
    this.email = email;
    this.#draw();
  }

  button() {
    return reminderButton(() => this.email.remind_at, (at) => this.#put(at));
  }

  async #put(at) {
    const { client, email } = this;
    try {
      if (at) email.remind_at = (await client.remind(email.email_id, at.toISOString())).remind_at;
      else await client.remindNoMore(email.email_id);
      if (!at) email.remind_at = null;
      this.#draw();
    } catch (problem) {
      toast(problem.words ?? String(problem), { isError: true });
    }
  }

  #draw() {
    const { remind_at: at } = this.email;
    this.element.hidden = !at;
    this.element.replaceChildren(...(at ? [h("span", {}, reminderText(at)),
      h("button", { type: "button", class: "button", onclick: () => this.#put(null) }, "No reminder")] : []));
  }
}
