// Plain text, with links to follow and quotations set back.

import { h } from "./dom.js";

const LINK = /\bhttps?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/g;
const LONGEST_WITH_LINKS = 200_000; // characters; beyond, it is text alone

export function plainText(text) {
  const box = h("div", { class: "plain-text" });
  if (!text.trim()) {
    box.append(h("p", { class: "dim" }, "This mail has no text."));
    return box;
  }
  if (text.length > LONGEST_WITH_LINKS) {
    box.append(text);
    return box;
  }
  let quote = null;
  for (const line of text.split("\n")) {
    const isQuoted = line.startsWith(">");
    if (isQuoted && !quote) {
      quote = h("span", { class: "quoted" });
      box.append(quote);
    } else if (!isQuoted) {
      quote = null;
    }
    (quote ?? box).append(...withLinks(line), "\n");
  }
  return box;
}

function withLinks(line) {
  const parts = [];
  let end = 0;
  for (const match of line.matchAll(LINK)) {
    parts.push(line.slice(end, match.index));
    parts.push(h("a", { href: match[0], target: "_blank", rel: "noopener noreferrer" }, match[0]));
    end = match.index + match[0].length;
  }
  parts.push(line.slice(end));
  return parts;
}
