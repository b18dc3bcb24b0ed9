// How dates, sizes and people are written.

const clock = written({ hour: "2-digit", minute: "2-digit" });
const weekday = written({ weekday: "short" });
const dayOfYear = written({ day: "numeric", month: "short" });
const day = written({ dateStyle: "medium" });
const full = written({ dateStyle: "full", timeStyle: "short" });

/** How dates are written; made when the first one is, as that takes milliseconds. */
function written(how) {
  let format = null;
  return (date) => (format ??= new Intl.DateTimeFormat(undefined, how)).format(date);
}

/** A date as short as it is clear: “now”, “5 min”, “14:05”, “Mon”, “14 Mar”, “14 Mar 2024”. */
export function shortDate(text, now = new Date()) {
  const date = new Date(text);
  const minutes = Math.floor((now - date) / 60_000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min`;
  if (date.toDateString() === now.toDateString()) return clock(date);
  if (minutes < 6 * 24 * 60) return weekday(date);
  return date.getFullYear() === now.getFullYear() ? dayOfYear(date) : day(date);
}

export function fullDate(text) {
  return full(new Date(text));
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

export function nameOf(person) {
  return person.name || person.address || "(no sender)";
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
