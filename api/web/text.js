// Plain text, with links to follow and quotations set back.

import { h } from "./dom.js";

// Full-width marks end it, as spaces do; what stands at its end is the sentence's, rather.
const LINK = /\bhttps?:\/\/[^\s<>"'\u3000-\u303f\uff00-\uffef]*[^\s<>"'\u3000-\u303f\uff00-\uffef.,;:!?)\]}]/g;
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
    end = match.index + match[0].length;
    if (line[end] === ")" && isOpen(match[0])) end += 1;
    const link = line.slice(match.index, end);
    parts.push(h("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, link));
  }
  parts.push(line.slice(end));
  return parts;
}

/** Whether a bracket is opened in it that is not closed in it. */
function isOpen(link) {
  return link.split("(").length > link.split(")").length;
}
