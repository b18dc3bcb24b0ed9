// What the first view does without: modules that come when something of them is wanted, or when
// there is nothing else to do.

import { Problem } from "./client.js";
import { toast } from "./notices.js";

const MODULES = {
  tools: () => import("./tools.js"),
  label_menu: () => import("./label_menu.js"),
  folder_menu: () => import("./folder_menu.js"),
  shortcuts: () => import("./shortcuts.js"),
  push: () => import("./push.js"),
  options: () => import("./options.js"),
  quarantine: () => import("./quarantine.js"),
  signin: () => import("./signin.js"),
};

const LOST = {
  title: "This part of the page could not be loaded. Check the connection and try again, or reload the page.",
};

const known = new Map();

/** A module, once it is there. Problems are raised; it may be asked for again then. */
export function later(name) {
  if (!known.has(name)) {
    known.set(name, MODULES[name]().catch(() => {
      known.delete(name);
      throw new Problem(LOST);
    }));
  }
  return known.get(name);
}

/** Do something with a module, once it is there; that it can’t come is told. */
export async function using(name, act) {
  let module;
  try {
    module = await later(name);
  } catch (problem) {
    toast(problem.words, { isError: true });
    return undefined;
  }
  return await act(module);
}

/** Let all of them come, one after another: no click waits then, and the page is whole while the server is away. */
export async function fetchAll() {
  for (const name of Object.keys(MODULES)) await later(name).catch(() => {}); // asked for again when it is wanted
}

/** Resolves when what is drawn has been painted, and the browser has nothing better to do. */
export function whenIdle() {
  const idle = globalThis.requestIdleCallback ?? ((done) => setTimeout(done, 100)); // Safari has none
  return new Promise((resolve) => requestAnimationFrame(() => idle(resolve, { timeout: 2_000 })));
}
