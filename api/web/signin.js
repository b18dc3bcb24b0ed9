// Signing in.

import { Client } from "./client.js";
import { fileOf, h } from "./dom.js";
import { keepSession } from "./session.js";

/** The sign-in page; `done` takes the session. */
export function signInPage(done, { why = "", username = "" } = {}) {
  const error = h("p", { class: "field-error", id: "sign-in-error", role: "alert" }, why);
  const address = h("input", { type: "email", id: "username", name: "username", required: true,
    autocomplete: "username", value: username, "aria-describedby": "sign-in-error" });
  const password = h("input", { type: "password", id: "password", name: "password", required: true,
    autocomplete: "current-password", "aria-describedby": "sign-in-error" });
  const code = h("input", { type: "text", id: "otp", name: "otp", maxlength: "40",
    autocomplete: "one-time-code", "aria-describedby": "sign-in-error" });
  const step = h("div", { class: "sign-in-step", hidden: true },
    h("label", { for: "otp" }, "Code of your app, or a recovery code"), code);
  const button = h("button", { type: "submit", class: "button is-main" }, "Sign in");
  const submit = async (event) => {
    event.preventDefault();
    error.textContent = "";
    if (!address.value.trim() || !password.value) {
      error.textContent = "Enter your mail address and your password.";
      (address.value.trim() ? password : address).focus();
      return;
    }
    button.disabled = true;
    try {
      const token = await Client.signIn(
        address.value.trim(), password.value, step.hidden ? "" : code.value.trim());
      const session = { token: token.access_token, ends_at: Date.now() + token.expires_in * 1_000 };
      keepSession(session);
      done(session);
    } catch (problem) {
      const kind = (problem.type ?? "").split(":").at(-1);
      if (kind === "otp-required" || kind === "otp-wrong") {
        error.textContent = kind === "otp-wrong"
          ? "That code is wrong, or was used before. Try the next one."
          : "Enter the code that your app shows.";
        step.hidden = false;
        code.select();
        return;
      }
      error.textContent = problem.status === 400 || problem.status === 401
        ? "The address or the password is wrong. Try again."
        : problem.words;
      password.select();
    } finally {
      button.disabled = false;
    }
  };
  const form = h("form", { class: "sign-in", novalidate: true, onsubmit: submit },
    h("img", { src: fileOf("logo.svg"), alt: "", width: "56", height: "56" }),
    h("h1", {}, "Rillmail"),
    h("label", { for: "username" }, "Mail address"), address,
    h("label", { for: "password" }, "Password"), password,
    step, error, button);
  queueMicrotask(() => (username ? password : address).focus());
  return h("main", { class: "sign-in-page" }, form);
}
