// Questions and menus.

import { h, iconButton } from "./dom.js";
import { raiseToasts } from "./notices.js";

/** Ask before something that can't be undone; resolves to true or false. */
export function confirm(question, { detail = "", yes = "Delete" } = {}) {
  return new Promise((resolve) => {
    const dialog = modal(
      question,
      detail ? h("p", {}, detail) : null,
      buttons(yes, () => dialog.close("yes"), () => dialog.close()),
    );
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
  });
}

/**
 * Ask for one line of text and do something with it; the dialog stays open, with the reason,
 * while `act` fails.
 */
export function askFor(title, label, { value = "", yes = "Save", act }) {
  const error = h("p", { class: "field-error", id: "ask-error", role: "alert" });
  const input = h("input", {
    type: "text", id: "ask", value, required: true, maxlength: "255", autocomplete: "off",
    "aria-describedby": "ask-error",
  });
  const form = h(
    "form",
    { onsubmit: async (event) => {
      event.preventDefault();
      if (!input.value.trim()) return;
      try {
        await act(input.value.trim());
        dialog.close();
      } catch (problem) {
        error.textContent = problem.words ?? String(problem);
        input.setAttribute("aria-invalid", "true");
        input.focus();
      }
    } },
    h("label", { for: "ask" }, label),
    input,
    error,
    buttons(yes, null, () => dialog.close()),
  );
  const dialog = modal(title, form);
  input.select();
}

/** Show something over the page until it is closed. */
export function modal(title, ...content) {
  const heading = h("h2", { id: "dialog-title" }, title);
  const dialog = h(
    "dialog",
    { "aria-labelledby": "dialog-title" },
    h("div", { class: "dialog-head" }, heading,
      iconButton("close", "Close", () => dialog.close())),
    ...content,
  );
  dialog.addEventListener("close", () => {
    raiseToasts();
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  raiseToasts();
  return dialog;
}

function buttons(yes, onyes, oncancel) {
  return h(
    "div",
    { class: "dialog-buttons" },
    h("button", { type: "button", class: "button", onclick: oncancel }, "Cancel"),
    h("button", { type: onyes ? "button" : "submit", class: "button is-main", onclick: onyes }, yes),
  );
}

/**
 * Open a menu beside `anchor`; `items` are {label, run} or null for a line between. An item with
 * `checked` (true, false or "mixed") is one of several that are on or off.
 */
export function openMenu(anchor, label, items) {
  const close = () => menu.hidePopover();
  const menu = h(
    "div",
    { class: "menu", role: "menu", "aria-label": label, popover: "auto" },
    items.map((item) =>
      item
        ? h("button", { type: "button", ...roleOf(item), onclick: () => {
            close();
            item.run();
          } }, item.label)
        : h("hr", {})),
  );
  menu.addEventListener("keydown", (event) => moveIn(menu, event));
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    menu.remove();
    anchor.focus();
  });
  // Within what it belongs to: a dialog lets nothing be done outside of it.
  (anchor.closest("dialog, [role=dialog]") ?? document.querySelector("main") ?? document.body).append(menu);
  menu.showPopover();
  const place = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  menu.style.left = `${Math.max(8, Math.min(place.left, innerWidth - width - 8))}px`;
  const below = place.bottom + 4;
  menu.style.top = `${below + height < innerHeight ? below : Math.max(8, place.top - height - 4)}px`;
  menu.querySelector("button")?.focus();
}

function roleOf({ checked }) {
  if (checked === undefined) return { role: "menuitem" };
  return { role: "menuitemcheckbox", "aria-checked": String(checked) };
}

function moveIn(menu, event) {
  const all = [...menu.querySelectorAll("button")];
  const at = all.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  event.stopPropagation();
  if (to === undefined) return;
  event.preventDefault();
  all.at(to % all.length).focus();
}
