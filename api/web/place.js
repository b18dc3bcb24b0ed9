// Where a person is, as it stands in the address: #/folder/inbox/mail/…, #/label/… or #/search/…

export function writePlace(view, mail = null) {
  if (!view) return "";
  const kind = ["search", "label"].find((each) => view[each] !== undefined) ?? "folder";
  const what = view[kind];
  const path = `#/${kind}/${encodeURIComponent(what)}`;
  return mail ? `${path}/mail/${encodeURIComponent(mail)}` : path;
}

export function readPlace(hash) {
  const match = /^#\/(folder|label|search)\/([^/]+)(?:\/mail\/([^/]+))?$/.exec(hash);
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
