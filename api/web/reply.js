// What a reply or a forwarded mail begins with.

import { fullDate, nameOf, personText } from "./format.js";

/**
 * Begin an answer to `email`.
 *
 * @param kind "one", "all" or "forward"
 * @param mine the address that is signed in
 */
export function replyTo(email, kind, mine) {
  const isMine = (person) => person.address.toLowerCase() === mine.toLowerCase();
  const subject = withPrefix(email.subject, kind === "forward" ? "Fwd" : "Re");
  if (kind === "forward") return { title: "Forward", subject, body: forwarded(email) };
  const senders = email.reply_to.length ? email.reply_to : [email.from];
  const to = isMine(email.from) ? email.to : senders;
  const taken = new Set([mine.toLowerCase(), ...to.map((person) => person.address.toLowerCase())]);
  const others = [...(isMine(email.from) ? [] : email.to), ...email.cc].filter(
    ({ address }) => !taken.has(address.toLowerCase()) && taken.add(address.toLowerCase()));
  return {
    title: kind === "all" ? "Reply to all" : "Reply",
    to: people(to),
    cc: kind === "all" ? people(others) : "",
    subject,
    body: `\n\n${fullDate(email.created_at)}, ${nameOf(email.from)} wrote:\n${quoted(email.body)}`,
    in_reply_to: email.email_id,
  };
}

function withPrefix(subject, prefix) {
  return new RegExp(`^${prefix}:`, "i").test(subject) ? subject : `${prefix}: ${subject}`;
}

function people(list) {
  return list.map(personText).join(", ");
}

function quoted(text) {
  const lines = text.trimEnd().split("\n");
  return lines.map((line) => (line.startsWith(">") ? `>${line}` : `> ${line}`)).join("\n");
}

function forwarded(email) {
  const head = [
    "---------- Forwarded mail ----------",
    `From: ${personText(email.from)}`,
    `Date: ${fullDate(email.created_at)}`,
    `Subject: ${email.subject}`,
    `To: ${people(email.to)}`,
    ...(email.cc.length ? [`Cc: ${people(email.cc)}`] : []),
  ];
  return `\n\n${head.join("\n")}\n\n${email.body}`;
}
