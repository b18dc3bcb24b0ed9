// Rows of a listing: mails, or conversations, and the mails that they stand for.

/** The mails in this folder that rows stand for: of a conversation all of them. */
export function mailsOf(lines) {
  return lines.flatMap((line) => line.thread
    ? line.thread.email_ids.map((email_id) => ({ ...line, email_id, thread: null })) : [line]);
}

/** Conversations as rows: the newest mail of each, with what is told of all. */
export function asRows({ threads, email_count, has_more, next_cursor }) {
  const emails = threads.map(({ newest, thread_id, snippet, participants, total_count, unread_count,
    is_starred, has_attachments, email_ids }) => ({
    ...newest, thread_id, snippet, is_starred, has_attachments, is_read: !unread_count,
    thread: { count: total_count, participants, email_ids } }));
  return { emails, total_count: email_count, has_more, next_cursor };
}

/** Hits with where the words stand in them. */
export function withMarks({ highlights, ...page }) {
  const marks = new Map((highlights ?? []).map((each) => [each.email_id, each]));
  return { ...page, emails: page.emails.map((line) => ({ ...line, marks: marks.get(line.email_id) ?? null })) };
}

/** What a row is known by: its conversation, or its mail. */
export function idOf(line) {
  return line.thread ? line.thread_id : line.email_id;
}
