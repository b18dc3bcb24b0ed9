// Where a person is, as it stands in the address: #/folder/inbox/mail/… or #/search/…

export function writePlace(view, mail = null) {
  if (!view) return "";
  const [kind, what] = view.search === undefined ? ["folder", view.folder] : ["search", view.search];
  const path = `#/${kind}/${encodeURIComponent(what)}`;
  return mail ? `${path}/mail/${encodeURIComponent(mail)}` : path;
}

export function readPlace(hash) {
  const match = /^#\/(folder|search)\/([^/]+)(?:\/mail\/([^/]+))?$/.exec(hash);
  try {
    if (match) {
      const [, kind, what, mail] = match.map((part) => part && decodeURIComponent(part));
      return { view: { [kind]: what }, mail: mail ?? null };
    }
  } catch {
    // Not one of ours.
  }
  return { view: { folder: "inbox" }, mail: null };
}
