// Where is my mail: all that is known of one, as a time line.

import { h } from "./dom.js";
import { shortAge } from "./figures.js";
import { fullDate } from "./format.js";

export class Trace {
  #asked = "";

  /** `actions`: find(mailId), open(stage). */
  constructor(client, actions) {
    Object.assign(this, { client, actions });
    this.input = h("input", { type: "text", id: "mail-id", maxlength: "100", autocomplete: "off",
      spellcheck: "false", placeholder: "019ca945-0a00-788f-aaa8-18612655d5a4", "aria-describedby": "mail-error" });
    this.error = h("p", { class: "field-error", id: "mail-error", role: "alert" });
    this.found = h("div", { class: "trail" });
    this.element = h("section", { class: "trace", "aria-labelledby": "trace-title" },
      h("h2", { id: "trace-title" }, "Where is my mail?"),
      h("form", { class: "trace-form", onsubmit: (event) => {
        event.preventDefault();
        const id = this.input.value.trim();
        if (id) this.actions.find(id);
      } }, h("label", { for: "mail-id" }, "Id of the mail"), this.input,
      h("button", { type: "submit", class: "button is-main" }, "Find")),
      this.error, this.found);
  }

  async find(id) {
    this.#asked = id;
    this.input.value = id;
    this.error.textContent = "";
    this.found.replaceChildren(h("p", { class: "dim", role: "status" }, "Looking…"));
    try {
      const trail = await this.client.trace(id);
      if (this.#asked !== id) return;
      this.found.replaceChildren(...this.#shown(trail));
      this.found.querySelector("h3")?.focus();
    } catch (problem) {
      if (this.#asked !== id) return;
      this.found.replaceChildren();
      this.error.textContent = problem.words ?? String(problem);
    }
  }

  #shown(trail) {
    return [
      h("h3", { tabindex: "-1" }, "Where it is"),
      h("ul", { class: "places", role: "list" }, places(trail).map((text) => h("li", {}, text))),
      trail.events.length ? h("h3", {}, `Its way, from ${fullDate(trail.events[0].at)} on`) : null,
      h("ol", { class: "way" }, trail.events.map((event) => this.#event(event, trail.mail_ids[0]))),
      trail.incomplete.map((text) => h("p", { class: "trouble" }, `Not all was looked into: ${text}`)),
    ].flat().filter(Boolean);
  }

  #event(event, mailId) {
    return h("li", {},
      h("p", { class: "way-head" },
        h("span", { class: "way-after" }, `+${event.after_s < 10 ? event.after_s.toFixed(3) : shortAge(event.after_s)}`),
        h("strong", {}, event.tag || "unreadable"), " ",
        event.is_replay ? "again, for one stage" : event.written_by ? ["by ",
          h("button", { type: "button", class: "link-button", onclick: () => this.actions.open(event.written_by) },
            event.written_by)] : "from outside"),
      event.said ? h("p", {}, event.said) : null,
      event.mail_id !== mailId ? h("p", { class: "dim" }, `as the mail ${event.mail_id}`) : null,
      h("details", {}, h("summary", {}, `${event.topic}/${event.partition}/${event.offset}`),
        h("pre", { class: "raw" }, JSON.stringify({ event_id: event.event_id, key: event.key,
          came_of: event.came_of || undefined, ...event.fields }, null, 2))));
  }
}

function places(trail) {
  const copies = trail.copies.map((copy) =>
    `${copy.user_id === "quarantine" ? "The quarantine" : copy.address || copy.user_id}: ${copy.folder_id || "deleted"}`);
  const outside = trail.deliveries.flatMap((delivery) => delivery.recipients.map((each) =>
    `${each.recipient}: ${each.state}${each.meaning ? `, ${each.meaning}` : ""}${each.text ? ` (${each.text})` : ""}`));
  const dead = trail.dead_letters.map((letter) =>
    `Dead letter ${letter.letter_id} of ${letter.stage}, ${letter.state}: ${letter.reason}`);
  const all = [...copies, ...outside, ...dead];
  return all.length ? all : ["It is on its way: nobody has it yet."];
}
