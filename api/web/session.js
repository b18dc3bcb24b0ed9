// The session of this tab: the token lives in its session storage, and ends with it.

const STORE = "rillmail.session";

/** The session of this tab, or null. */
export function storedSession() {
  try {
    const session = JSON.parse(sessionStorage.getItem(STORE) ?? "null");
    return session && session.ends_at > Date.now() ? session : null;
  } catch {
    return null;
  }
}

export function forgetSession() {
  sessionStorage.removeItem(STORE);
}

export function keepSession(session) {
  sessionStorage.setItem(STORE, JSON.stringify(session));
}
