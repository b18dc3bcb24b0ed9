// How dates, sizes and people are written.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

/** A date as short as it is clear: “now”, “5 min”, “14:05”, “Mon”, “14 Mar”, “14 Mar 2024”. */
export function shortDate(text, now = new Date()) {
  const date = new Date(text);
  const minutes = Math.floor((now - date) / 60_000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min`;
  if (date.toDateString() === now.toDateString()) return clock.format(date);
  if (minutes < 6 * 24 * 60) return weekday.format(date);
  return date.getFullYear() === now.getFullYear() ? dayOfYear.format(date) : day.format(date);
}

export function fullDate(text) {
  return full.format(new Date(text));
}

export function sizeText(bytes) {
  if (bytes < 1_000) return `${bytes} bytes`;
  const units = ["KB", "MB", "GB"];
  let value = bytes / 1_000;
  while (value >= 999.5 && units.length > 1) {
    value /= 1_000;
    units.shift();
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[0]}`;
}

/** What a person is called. Who calls themselves by another's address is shown by their own. */
export function nameOf({ name, address }) {
  const isFalse = /^\S+@\S+$/.test(name) && name.toLowerCase() !== address?.toLowerCase();
  return (isFalse ? "" : name) || address || "(no sender)";
}

/** A person as an address field takes it: `Ada <ada@mail.example>`. */
export function personText(person) {
  if (!person.name) return person.address;
  const name = /^[\w .'-]+$/u.test(person.name) ? person.name : JSON.stringify(person.name);
  return `${name} <${person.address}>`;
}

/** Read an address field: parts divided by comma, semicolon or line, quotes respected. */
export function parsePeople(text) {
  const parts = text.match(/(?:"(?:\\.|[^"\\])*"|<[^>]*>|[^,;\n"<]|["<])+/g) ?? [];
  return parts.map((part) => part.trim()).filter(Boolean).map(parsePerson);
}

function parsePerson(text) {
  const match = /^(.*?)\s*<([^<>]*)>$/s.exec(text);
  if (!match) return text;
  const name = match[1].replace(/^"(.*)"$/s, "$1").replace(/\\(.)/g, "$1");
  return name ? { address: match[2].trim(), name } : match[2].trim();
}
