// The stages as a table, which says all that the picture shows; and one of them, looked at closely.

import { modal } from "./dialogs.js";
import { h, plural } from "./dom.js";
import { STATE_WORDS, shortAge, shortRate, stateOf } from "./figures.js";
import { fullDate } from "./format.js";
import { toast } from "./notices.js";

const SHOWN_LETTERS = 20;
const COLUMNS = ["Stage", "Path", "Done", "Lag", "Oldest", "Retries", "Tried now", "Dead letters", "State"];

export class Stages {
  #stages = [];
  #wanted = ""; // a stage that is to be opened once it is known

  /** `actions`: trace(mailId). */
  constructor(client, actions) {
    Object.assign(this, { client, actions });
    this.rows = new Map();
    this.body = h("tbody", {});
    this.later = h("dl", { class: "later" });
    this.element = h("section", { class: "stages", "aria-labelledby": "stages-title" },
      h("h2", { id: "stages-title" }, "Stages"),
      h("div", { class: "table-frame", tabindex: "0", role: "group", "aria-labelledby": "stages-title" },
        h("table", {},
          h("thead", {}, h("tr", {}, COLUMNS.map((name) => h("th", { scope: "col" }, name)))),
          this.body)),
      this.later);
  }

  show({ stages, later, replay_lag: replays }) {
    this.#stages = stages;
    // Rows stay, so that whoever stands on one is not thrown off it.
    for (const stage of stages) {
      if (!this.rows.has(stage.name)) this.#add(stage.name);
      fill(this.rows.get(stage.name), stage);
    }
    const waits = [...Object.entries(later), ...Object.entries(replays).map(([path, n]) => [`${path}: replays`, n])]
      .filter(([, count]) => count);
    this.later.replaceChildren(...waits.flatMap(([name, count]) =>
      [h("dt", {}, name), h("dd", {}, plural(count, "record waits", "records wait"))]));
    if (this.#wanted) this.open(this.#wanted);
  }

  /** Show one stage, with its dead letters. */
  async open(name) {
    const stage = this.#stages.find((each) => each.name === name);
    this.#wanted = stage || this.#stages.length ? "" : name;
    if (!stage) return;
    const letters = h("ul", { class: "letters", role: "list" }, h("li", { class: "dim" }, "Looking…"));
    const dialog = modal(`Stage ${name}`, facts(stage), h("h3", {}, "Dead letters"), letters);
    dialog.classList.add("is-wide");
    try {
      const { dead_letters: found } = await this.client.deadLetters({ stage: name, limit: SHOWN_LETTERS });
      letters.replaceChildren(...(found.length
        ? found.map((letter) => this.#letter(letter, dialog))
        : [h("li", { class: "dim" }, "None.")]));
    } catch (problem) {
      letters.replaceChildren(h("li", { role: "alert" }, problem.words ?? String(problem)));
    }
  }

  #add(name) {
    const cells = COLUMNS.slice(1).map((name) => h("td", { "data-name": name }));
    const row = h("tr", {}, h("th", { scope: "row" },
      h("button", { type: "button", class: "link-button", onclick: () => this.open(name) }, name)), cells);
    this.rows.set(name, { row, cells });
    this.body.append(row);
  }

  #letter(letter, dialog) {
    return h("li", {},
      h("p", {}, h("code", {}, letter.letter_id), ` ${letter.kind}, ${fullDate(letter.buried_at)}`),
      h("p", { class: "reason" }, letter.reason),
      h("button", { type: "button", class: "button", onclick: () => this.#history(letter, dialog) },
        "Whole history of this mail"));
  }

  async #history(letter, dialog) {
    try {
      const { value, key } = await this.client.deadLetter(letter.letter_id);
      dialog.close();
      this.actions.trace(String(value?.mail_id || key));
    } catch (problem) {
      toast(problem.words ?? String(problem), { isError: true });
    }
  }
}

function fill({ row, cells }, stage) {
  const state = stateOf(stage);
  row.className = `is-${state}`;
  const isKnown = stage.lag_records !== null;
  const texts = [
    stage.path,
    shortRate(stage.done_per_s),
    isKnown ? stage.lag_records.toLocaleString() : stage.heads_chain ? "not known" : "–",
    !stage.lag_records ? "–" : stage.lag_s !== null ? shortAge(stage.lag_s) : "not known",
    shortRate(stage.again_per_s),
    stage.waiting ? `${stage.waiting}, for ${shortAge(stage.oldest_s)}` : "0",
    stage.dead_letters.toLocaleString(),
    STATE_WORDS[state],
  ];
  for (const [index, text] of texts.entries()) {
    if (cells[index].textContent !== text) cells[index].textContent = text;
  }
}

function facts(stage) {
  const pairs = [
    ["Reads", `${stage.reads.join(", ")} from ${stage.reads_topic}`],
    ["Is given it", stage.heads_chain ? "by its topic" : "in process, by the stage before it"],
    ["Writes", stage.writes.length ? `${stage.writes.join(", ")} to ${stage.writes_topics.join(", ")}` : "nothing"],
    ["Done", `${shortRate(stage.done_per_s)}, and buried ${shortRate(stage.buried_per_s)}`],
    ["Tries", `${stage.attempts} at most, ${stage.timeout_s} s each`],
  ];
  return h("dl", { class: "facts" }, pairs.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]));
}
