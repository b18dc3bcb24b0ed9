// Listings: where they are asked for, and their rows: mails, or conversations with their mails.

export const PAGE = 50;
export const SNOOZED = "snoozed"; // the folder of what is put off
const THREADS = "rillmail.conversations"; // in this browser: "off" if mails are listed one by one

export function isThreaded() {
  return localStorage.getItem(THREADS) !== "off";
}

export function setThreaded(is) {
  localStorage.setItem(THREADS, is ? "on" : "off");
}

/** How a place is listed: what ``fetchPage`` takes. */
export function viewOf(place, unreadOnly = false) {
  const { folder } = place;
  const canBe = folder !== undefined && !["drafts", "deleted"].includes(folder);
  return { ...place, unreadOnly, isThreaded: canBe && isThreaded() };
}

/** Fetch a stretch of a listing, as rows. */
export function fetchPage(client, { folder, label, search, unreadOnly, isThreaded: inThreads }, cursor, limit) {
  const query = { limit, cursor, is_read: unreadOnly ? false : null };
  if (label !== undefined) return client.labelled(label, query);
  if (inThreads) return client.threads({ folder, ...query }).then(asRows);
  return folder !== undefined
    ? client.listing(folder, query)
    : client.search({ ...query, query: search, highlight: true }).then(withMarks);
}

/** The mails in this folder that rows stand for: of a conversation all of them. */
export function mailsOf(lines) {
  return lines.flatMap((line) => line.thread
    ? line.thread.email_ids.map((email_id) => ({ ...line, email_id, thread: null })) : [line]);
}

/** Conversations as rows: the newest mail of each, with what is told of all. */
function asRows({ threads, email_count, has_more, next_cursor }) {
  const emails = threads.map(({ newest, thread_id, snippet, participants, total_count, unread_count,
    is_starred, has_attachments, email_ids }) => ({
    ...newest, thread_id, snippet, is_starred, has_attachments, is_read: !unread_count,
    thread: { count: total_count, participants, email_ids } }));
  return { emails, total_count: email_count, has_more, next_cursor };
}

/** Hits with where the words stand in them. */
function withMarks({ highlights, ...page }) {
  const marks = new Map((highlights ?? []).map((each) => [each.email_id, each]));
  return { ...page, emails: page.emails.map((line) => ({ ...line, marks: marks.get(line.email_id) ?? null })) };
}

/** What a row is known by: its conversation, or its mail. */
export function idOf(line) {
  return line.thread ? line.thread_id : line.email_id;
}

/** Whether a mail, or a row of a list, is one that can be put off. */
export function canWait({ folder_id, is_draft }) {
  return !is_draft && !["sent", "drafts", "spam", "trash", "deleted"].includes(folder_id);
}
