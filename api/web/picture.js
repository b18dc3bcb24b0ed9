// The picture of the topology, as the server draws it, with each stage's figures at its line's end.

import { h } from "./dom.js";
import { shortAge, shortRate, stateOf } from "./figures.js";

const SVG = "http://www.w3.org/2000/svg";
// The picture brings its own style; what is written into it here is styled here.
const OWN = `
  :host { display: block; }
  svg { display: block; }
  .stage { cursor: pointer; }
  .stage:hover text:first-of-type { text-decoration: underline; }
  .figures { font-size: 11px; text-anchor: end; fill: #4b5563; }
  .is-late .figures { fill: #92400e; font-weight: bold; }
  .is-bad .figures { fill: #b3261e; font-weight: bold; }
  @media (prefers-color-scheme: dark) {
    .figures { fill: #9ca3af; }
    .is-late .figures { fill: #fbbf24; }
    .is-bad .figures { fill: #ff9f97; }
  }
`;

export class Picture {
  /** `open` takes the name of a stage that was clicked. */
  constructor(open) {
    this.open = open;
    this.isDrawn = false;
    this.places = new Map();
    this.host = h("div", { class: "picture" });
    this.root = this.host.attachShadow({ mode: "open" });
    this.element = h("section", { class: "picture-frame", tabindex: "0", role: "region",
      "aria-label": "Picture of the topology; the table below says the same" }, this.host);
  }

  /** Take over the picture in `text`: its shapes, and its style as a sheet of this part alone. */
  draw(text) {
    // The policy of this page allows no style in what is parsed, so it is taken out before.
    const [, before, style, after] = /^([^]*?)<style>([^]*?)<\/style>([^]*)$/.exec(text) ?? [];
    const drawn = before === undefined ? text : `${before}${after}`;
    const svg = new DOMParser().parseFromString(drawn, "image/svg+xml").documentElement;
    if (svg.localName !== "svg") return;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`${style ?? ""}${OWN}`);
    for (const group of svg.querySelectorAll("g[id^='stage-']")) this.#place(group);
    // A step back leads to a topic within the picture, which no address can name.
    for (const link of svg.querySelectorAll("a[href^='#']")) {
      const target = svg.querySelector(`[id="${CSS.escape(link.getAttribute("href").slice(1))}"]`);
      link.addEventListener("click", (event) => {
        event.preventDefault();
        target?.scrollIntoView({ block: "center", inline: "center" });
      });
    }
    this.root.adoptedStyleSheets = [sheet];
    svg.setAttribute("role", "group"); // an image would hide that its stages can be opened
    this.root.replaceChildren(document.importNode(svg, false));
    this.root.firstChild.append(...svg.childNodes);
    this.isDrawn = true;
  }

  show(stages) {
    for (const stage of stages) {
      const place = this.places.get(stage.name);
      if (!place) continue;
      place.group.setAttribute("class", `stage is-${stateOf(stage)}`);
      place.figures.textContent = figuresOf(stage);
    }
  }

  #place(group) {
    const name = group.id.slice("stage-".length);
    const figures = document.createElementNS(SVG, "text");
    figures.setAttribute("class", "figures");
    figures.setAttribute("x", group.dataset.x);
    figures.setAttribute("y", group.dataset.y);
    group.setAttribute("class", "stage");
    group.append(figures);
    group.addEventListener("click", () => this.open(name));
    this.places.set(name, { group, figures });
  }
}

/** Seventeen letters at most: rate, lag, retries, dead letters. */
function figuresOf(stage) {
  const parts = [shortRate(stage.done_per_s)];
  if (stage.lag_records) parts.push(stage.lag_s === null ? "late" : shortAge(stage.lag_s));
  if (stage.waiting) parts.push(`↻${short(stage.waiting)}`);
  if (stage.dead_letters) parts.push(`†${short(stage.dead_letters)}`);
  return parts.join(" ");
}

function short(count) {
  return count < 1_000 ? `${count}` : `${Math.round(count / 1_000)}k`;
}
