// A stranger's HTML. The server took out what acts; here it lies in a sandbox without scripts,
// under a policy of its own that loads nothing but pictures.

import { h } from "./dom.js";

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src ";

/**
 * Show HTML in a sandboxed frame as high as what it holds.
 *
 * @param html as the API gives it
 * @param images whether remote pictures may be loaded
 * @param onmailto takes what a mailto: link that was followed says: texts by field
 * @param onkey takes keys pressed inside
 */
export function mailFrame(html, { images, onmailto, onkey }) {
  const frame = h("iframe", {
    class: "mail-frame",
    title: "Text of the mail",
    // No allow-scripts: nothing in it runs. Same origin only so that its height can be read.
    sandbox: "allow-same-origin allow-popups allow-popups-to-escape-sandbox",
    referrerpolicy: "no-referrer",
    srcdoc: page(html, images),
  });
  frame.addEventListener("load", () => settle(frame, { onmailto, onkey }));
  return frame;
}

function page(html, images) {
  const sources = `${location.origin} data:${images ? " https: http:" : ""}`;
  return `<!doctype html><html><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}${sources}">
<meta name="referrer" content="no-referrer"></head><body dir="auto">${withoutStyles(html)}</body></html>`;
}

// A start tag and an attribute, as the API's sanitiser writes them.
const TAG = /<[a-z][a-z0-9]*(?:\s+[\w-]+(?:="[^"]*")?)*\s*\/?>/gi;
const ATTRIBUTE = /(\s)([\w-]+)(="[^"]*")/g;

/**
 * Style attributes under another name, since the page's policy allows none inline; one that
 * is missed here has no effect.
 */
function withoutStyles(html) {
  return html.replace(TAG, (tag) => tag.replace(ATTRIBUTE, (all, space, name, value) =>
    (name === "style" ? `${space}data-style${value}` : all)));
}

function settle(frame, { onmailto, onkey }) {
  const inside = frame.contentDocument;
  const view = frame.contentWindow;
  if (!inside?.body) return;
  const sheet = new view.CSSStyleSheet();
  sheet.replaceSync(SHEET);
  inside.adoptedStyleSheets = [sheet];
  for (const element of inside.querySelectorAll("[data-style]")) {
    element.style.cssText = element.dataset.style.replace(OF_WINDOW, (all, number) => `${number * 6}px`);
  }
  for (const link of inside.querySelectorAll("a[href], area[href]")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
  inside.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='mailto:' i]");
    if (!link) return;
    event.preventDefault();
    onmailto(mailtoOf(link.getAttribute("href")));
  });
  inside.addEventListener("keydown", onkey);
  const fit = () => {
    frame.style.height = `${Math.min(inside.body.scrollHeight, 200_000)}px`;
  };
  fit();
  new ResizeObserver(fit).observe(inside.body);
}

/** What a link to write a mail says (RFC 6068): texts by field; others than these are left out. */
function mailtoOf(href) {
  const [to, query = ""] = href.slice("mailto:".length).split("?");
  const said = { to: decoded(to) };
  for (const part of query.split("&")) {
    const [name, value = ""] = part.split(/=(.*)/s).map(decoded);
    const field = name.toLowerCase();
    if (!FIELDS.has(field)) continue;
    const isMore = PEOPLE.has(field) && said[field];
    said[field] = isMore ? `${said[field]}, ${value}` : value.replaceAll("\r\n", "\n");
  }
  return said;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // taken as it stands
  }
}

const PEOPLE = new Set(["to", "cc", "bcc"]);
const FIELDS = new Set([...PEOPLE, "subject", "body"]);

// A frame as high as what it holds must not hold what is as high as the frame: it would grow for ever.
const OF_WINDOW = /(?<![\w.#-])([\d.]+)[sld]?v(?:h|b|min|max)\b/gi;

const SHEET = `
  :root { color-scheme: light; overflow-x: auto; overflow-y: hidden; }
  body { margin: 0; padding: 16px; color: #1c2430; background: #fff; overflow-wrap: break-word;
    font: 15px/1.55 system-ui, sans-serif; display: flow-root; }
  img { max-width: 100%; height: auto; }
  a { color: #2456c7; }
  pre { white-space: pre-wrap; }
  blockquote { margin: 0 0 0 4px; padding-left: 12px; border-left: 3px solid #d5dae3; }
`;
