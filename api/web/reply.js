// What a reply or a forwarded mail begins with.

import { fullDate, nameOf, personText } from "./format.js";

/**
 * Begin an answer to `email`, as whom it was written to.
 *
 * @param kind "one", "all", "forward", or "attach": forwarded whole, as a file
 * @param mine the address that is signed in
 * @param identities all that one writes as
 */
export function replyTo(email, kind, mine, identities) {
  const isMine = ({ address }) => identities.has(address, mine);
  const isOnward = kind === "forward" || kind === "attach";
  const subject = withPrefix(email.subject, isOnward ? "Fwd" : "Re");
  const as = identities.of(email);
  const more = as ? { from: as.address } : {};
  if (isOnward) return { title: "Forward", subject, quoted: kind === "forward" ? forwarded(email) : "", more };
  const senders = email.reply_to.length ? email.reply_to : [email.from];
  const to = isMine(email.from) ? email.to : senders;
  const taken = new Set(to.map((person) => person.address.toLowerCase()));
  const others = [...(isMine(email.from) ? [] : email.to), ...email.cc].filter((person) =>
    !isMine(person) && !taken.has(person.address.toLowerCase()) && taken.add(person.address.toLowerCase()));
  return {
    title: kind === "all" ? "Reply to all" : "Reply",
    to: people(to),
    cc: kind === "all" ? people(others) : "",
    subject,
    quoted: `\n\n${fullDate(email.created_at)}, ${nameOf(email.from)} wrote:\n${quoted(email.body)}`,
    in_reply_to: email.email_id,
    more,
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
