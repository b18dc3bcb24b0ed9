// Making elements. Text from mails goes through here as text, never as markup.

/** Make an element; strings among `children` become text nodes, null and false are left out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in PROPERTIES) element[PROPERTIES[name]] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(3).filter((child) => (child ?? false) !== false));
  return element;
}

const PROPERTIES = { class: "className", value: "value", checked: "checked", srcdoc: "srcdoc" };
const SVG = "http://www.w3.org/2000/svg";

/** The address of a file beside this one. */
export function fileOf(name) {
  return new URL(name, import.meta.url).pathname;
}

/** A picture from icons.svg; it says nothing to a screen reader. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${fileOf("icons.svg")}#${name}`);
  svg.append(use);
  return svg;
}

/** A button that shows only a picture; `label` is its name and its tooltip. */
export function iconButton(name, label, onclick, props = {}) {
  return h(
    "button",
    { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...props },
    icon(name),
  );
}

/** Draw a bar anew by `draw`, which returns it; who was on one of its buttons still is. */
export function redraw(bar, draw) {
  const at = [...bar.children].indexOf(document.activeElement);
  const drawn = draw();
  if (at >= 0) drawn.children[at]?.focus();
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}
