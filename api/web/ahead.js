// What runs first: with a session, what is shown first is asked for while the page is on its way.

import { Client } from "./client.js";
import { readPlace } from "./place.js";
import { PAGE, fetchPage, viewOf } from "./rows.js";
import { storedSession } from "./session.js";

/**
 * Ask who is signed in, and then what is shown first. The cursor is asked for before what it is of:
 * so no change falls between the two.
 */
export function askAhead(session) {
  const client = new Client(session.token);
  const view = viewOf(readPlace(location.hash).view);
  const me = client.me();
  me.catch(() => {}); // told to whoever takes it, if anybody does; and so are the others
  const then = (ask) => {
    const asked = me.then(ask);
    asked.catch(() => {});
    return asked;
  };
  return {
    session,
    client,
    me,
    folders: then(() => client.folders()),
    labels: then(() => client.labels()),
    listing: { view, page: then(() => fetchPage(client, view, null, PAGE)) },
  };
}

const session = storedSession();

/** What was asked for as the page began, or null if nobody is signed in. */
export const begun = session ? askAhead(session) : null;
