// What the page asks for before the rest of it is there.

import { later } from "./later.js";
import { readPlace } from "./place.js";
import { PAGE, fetchPage, viewOf } from "./rows.js";

/**
 * Ask who is signed in, and then what is shown first. The cursor is asked for before what it is of:
 * so no change falls between the two.
 */
export function askAhead(client) {
  const place = readPlace(location.hash);
  const view = viewOf(place.view);
  if (place.mail) later("tools").catch(() => {}); // asked for again by who needs them
  const me = client.me();
  const then = (ask) => {
    const asked = me.then(ask);
    asked.catch(() => {}); // told to whoever takes it, if anybody does
    return asked;
  };
  return {
    me,
    folders: then(() => client.folders()),
    labels: then(() => client.labels()),
    listing: { view, page: then(() => fetchPage(client, view, null, PAGE)) },
  };
}
