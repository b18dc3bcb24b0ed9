// Filters as a Sieve script (RFC 5228) that this page wrote, and that it can read again.

const HEAD = "# Made by the page: Settings, Filters. Written on by hand, it is changed there no more.";
const MARK = "# filter ";

/** What a filter looks at, in this order, with the test that does; each holds a text. */
const TESTS = {
  from: (text) => `header :contains "from" ${quoted(text)}`,
  to: (text) => `header :contains ["to", "cc"] ${quoted(text)}`,
  subject: (text) => `header :contains "subject" ${quoted(text)}`,
  text: (text) => `body :text :contains ${quoted(text)}`,
};

export const CONDITIONS = Object.keys(TESTS);

/**
 * The script of `filters`: {from, to, subject, text, folder, label, is_read, is_starred}, each
 * left out if empty. All flags of those that fit are set; the folder is that of the first. Spam
 * stays where it is.
 */
export function sourceOf(filters) {
  const marking = filters.filter((filter) => flagsOf(filter).length);
  const moving = filters.filter((filter) => filter.folder);
  const needs = ["spamtest"];
  if (marking.length) needs.push("imap4flags");
  if (moving.length) needs.push("fileinto");
  if (filters.some((filter) => filter.text)) needs.push("body");
  return [
    HEAD,
    `require [${needs.map(quoted).join(", ")}];`,
    ...filters.map((filter) => MARK + JSON.stringify(filter)),
    'if spamtest "10" { stop; }',
    ...marking.map((filter) =>
      `if ${testOf(filter)} { addflag [${flagsOf(filter).map(quoted).join(", ")}]; }`),
    ...moving.map((filter, at) =>
      `${at ? "elsif" : "if"} ${testOf(filter)} { fileinto ${quoted(filter.folder)}; }`),
    "",
  ].join("\n");
}

/** The filters of a script; null if it is none that this page wrote. */
export function filtersOf(source) {
  try {
    const filters = source.split("\n").filter((line) => line.startsWith(MARK))
      .map((line) => JSON.parse(line.slice(MARK.length)));
    return sourceOf(filters) === source ? filters : null;
  } catch {
    return null;
  }
}

function testOf(filter) {
  const tests = CONDITIONS.filter((name) => filter[name]).map((name) => TESTS[name](filter[name]));
  return `allof (${tests.join(", ")})`;
}

function flagsOf({ is_read, is_starred, label }) {
  // The server takes `_` for a space: a flag has none (RFC 5232 §2).
  return [is_read && "\\Seen", is_starred && "\\Flagged", label?.trim().split(/\s+/).join("_")].filter(Boolean);
}

function quoted(text) {
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}
