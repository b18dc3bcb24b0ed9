// The text of a mail that the server may not have yet, kept in this browser: one for each tab.

const TAB = "rillmail.tab"; // in the tab's session storage: by which its text is told from those of others

export class Kept {
  constructor(address) {
    this.prefix = `rillmail.draft.${address}.`;
    this.name = this.prefix + tab();
    // Held as long as the tab is there. Without TLS from another machine there are no locks.
    navigator.locks?.request(this.name, { mode: "shared" }, () => new Promise(() => {}));
  }

  /** What is kept of this tab, or null. */
  read() {
    return JSON.parse(localStorage.getItem(this.name) ?? "null");
  }

  write(text) {
    try {
      localStorage.setItem(this.name, JSON.stringify(text));
    } catch {
      // Storage is full or forbidden: the text lives as long as the page, or as a draft.
    }
  }

  forget() {
    localStorage.removeItem(this.name);
  }

  /** Take over what a tab left that is not there any more, if this one has nothing of its own. */
  async inherit() {
    const others = Object.keys(localStorage).filter((name) => name.startsWith(this.prefix));
    if (!others.length || others.includes(this.name)) return;
    const { held = [] } = (await navigator.locks?.query()) ?? {};
    const used = new Set(held.map(({ name }) => name));
    const left = others.find((name) => !used.has(name));
    if (!left) return;
    localStorage.setItem(this.name, localStorage.getItem(left));
    localStorage.removeItem(left);
  }
}

function tab() {
  const known = sessionStorage.getItem(TAB) ?? String(Math.random()).slice(2);
  sessionStorage.setItem(TAB, known);
  return known;
}
