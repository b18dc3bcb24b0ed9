// One's own account: where one is signed in, the password, the second factor.

import { h } from "./dom.js";
import { Missing, form } from "./forms.js";
import { toast } from "./notices.js";

/** The parts of the settings that are about signing in. */
export async function securityParts(client) {
  const [sessions, totp] = await Promise.all([client.sessions(), client.totp()]);
  return [sessionsPart(client, sessions), passwordForm(client), totpPart(client, totp.state)];
}

function sessionsPart(client, sessions) {
  const list = h("ul", { class: "sessions" });
  const show = () => list.replaceChildren(...sessions.map((each) => line(each)));
  const end = async (gone) => {
    try {
      await client.endSession(gone.session_id);
      sessions = sessions.filter((each) => each !== gone);
      show();
      toast("That program is signed out.");
    } catch (problem) {
      toast(problem.words ?? String(problem), { isError: true });
    }
  };
  const line = (each) => h("li", {},
    h("span", { class: "session-name", title: each.client }, programName(each.client)),
    h("span", { class: "dim" }, each.is_this ? "This page" : `Last seen on ${each.seen_on}`),
    each.is_this ? null : h("button", { type: "button", class: "button",
      "aria-label": `Sign out ${programName(each.client)}`,
      onclick: () => end(each) }, "Sign out"));
  show();
  return h("section", { class: "options", "aria-label": "Signed in" }, h("h3", {}, "Signed in"), list);
}

const BROWSERS = [["Edge", /Edg(e|A|iOS)?\//], ["Opera", /OPR\//], ["Samsung Internet", /SamsungBrowser\//],
  ["Firefox", /(Firefox|FxiOS)\//], ["Chrome", /(Chrome|CriOS|Chromium)\//], ["Safari", /Version\/.*Safari\//]];
const SYSTEMS = [["Android", /Android/], ["iPad", /iPad/], ["iPhone", /iPhone/], ["Windows", /Windows/],
  ["Mac", /Macintosh/], ["ChromeOS", /CrOS/], ["Linux", /Linux/]];

/** What a program is called, by the header User-Agent that it sent: of browsers, which and on what. */
export function programName(sent) {
  const known = (list) => list.find(([, sign]) => sign.test(sent))?.[0];
  const browser = known(BROWSERS);
  if (!browser) return sent || "A program without a name";
  const system = known(SYSTEMS);
  return system ? `${browser} on ${system}` : browser;
}

function passwordForm(client) {
  const before = secret("old-password", "current-password");
  const after = secret("new-password", "new-password");
  return form("Password", async () => {
    if (!before.value) throw new Missing("Enter the password that you have now.", before);
    if (after.value.length < 8) throw new Missing("A new password has 8 characters at least.", after);
    await client.setPassword({ old_password: before.value, password: after.value });
    before.value = after.value = "";
    return "You have another password. All other programs are signed out.";
  }, [
    h("label", { for: before.id }, "Password now"), before,
    h("label", { for: after.id }, "New password"), after,
  ], { yes: "Change" });
}

function totpPart(client, state) {
  const part = h("div", {});
  const show = (shown) => part.replaceChildren(shown);
  const again = () => show(setUp(client, show, on));
  const on = () => show(turnOff(client, again));
  if (state === "on") on();
  else again();
  return part;
}

function setUp(client, show, on) {
  const password = secret("totp-password", "current-password");
  return form("Second step", async () => {
    if (!password.value) throw new Missing("Enter your password.", password);
    show(confirmForm(client, await client.proposeTotp({ password: password.value }), on));
    return "";
  }, [
    h("p", {}, "Ask for a code of an app besides the password, whenever somebody signs in as you."),
    h("label", { for: password.id }, "Your password"), password,
  ], { yes: "Set up" });
}

function confirmForm(client, told, on) {
  const code = codeField("totp-code");
  return form("Second step", async () => {
    if (!code.value.trim()) throw new Missing("Enter the code that the app shows.", code);
    await client.confirmTotp({ code: code.value.trim() });
    on();
    return "From now on a code is asked for.";
  }, [
    h("p", {}, "1. Add this key to your authenticator app, or open the link on the device with the app."),
    h("p", {}, h("code", { class: "totp-secret" }, told.secret)),
    h("p", {}, h("a", { class: "totp-uri", href: told.uri }, told.uri)),
    h("p", {}, "2. Keep these codes where only you find them. Each lets you in once without the app."),
    h("ul", { class: "recovery-codes" }, told.recovery_codes.map((each) => h("li", {}, h("code", {}, each)))),
    h("label", { for: code.id }, "3. Code that the app shows"), code,
  ], { yes: "Turn on" });
}

function turnOff(client, again) {
  const password = secret("totp-password", "current-password");
  const code = codeField("totp-code");
  return form("Second step", async () => {
    if (!password.value) throw new Missing("Enter your password.", password);
    if (!code.value.trim()) throw new Missing("Enter a code.", code);
    await client.disableTotp({ password: password.value, code: code.value.trim() });
    again();
    return "The password alone will do again.";
  }, [
    h("p", {}, "A code of your app is asked for whenever somebody signs in as you."),
    h("label", { for: password.id }, "Your password"), password,
    h("label", { for: code.id }, "Code of the app, or a recovery code"), code,
  ], { yes: "Turn off" });
}

function secret(id, autocomplete) {
  return h("input", { type: "password", id, autocomplete });
}

function codeField(id) {
  return h("input", { type: "text", id, autocomplete: "one-time-code", maxlength: "40" });
}
