// What is done to labels: made, put on mails, renamed, coloured and deleted.

import { askFor, confirm, openMenu } from "./dialogs.js";
import { plural } from "./dom.js";
import { toast } from "./notices.js";

const COLOURS = [
  ["", "None"], ["#c62828", "Red"], ["#b26a00", "Orange"], ["#8a7400", "Yellow"], ["#2e7d32", "Green"],
  ["#00798c", "Teal"], ["#2456c7", "Blue"], ["#7b3fb5", "Violet"], ["#5f6368", "Grey"],
];

/** What can be done with one of `labels`, which are the list of them. */
export function openLabel(labels, anchor, label) {
  const { mailbox, actions } = labels;
  openMenu(anchor, `Label ${label.name}`, [
    { label: "Rename…", run: () => rename(mailbox, label) },
    { label: "Colour…", run: () => chooseColour(mailbox, anchor, label) },
    { label: "Delete…", run: () => remove(mailbox, label, actions) },
  ]);
}

/** Ask for a name and make a label; `then` is told its id. */
export function createLabel(mailbox, then = () => {}) {
  askFor("New label", "Name", { yes: "Create", act: async (name) => {
    const made = await mailbox.client.createLabel({ name });
    await mailbox.loadFolders();
    if (made?.label_id) then(made.label_id);
  } });
}

/** The menu in which labels are put on `lines` and taken off; `put(labelId, isOn)` does it. */
export function labelMenu(mailbox, anchor, lines, put) {
  const items = mailbox.labels.map((label) => {
    const carrying = lines.filter((line) => line.labels?.includes(label.label_id)).length;
    const isOn = carrying === lines.length;
    return {
      label: label.name,
      checked: isOn ? true : carrying ? "mixed" : false,
      run: () => put(label.label_id, !isOn),
    };
  });
  openMenu(anchor, "Labels", [
    ...items,
    items.length ? null : undefined,
    { label: "New label…", run: () => createLabel(mailbox, (id) => put(id, true)) },
  ].filter((item) => item !== undefined));
}

function rename(mailbox, label) {
  askFor("Rename label", "Name", { value: label.name, yes: "Rename", act: async (name) => {
    await mailbox.client.changeLabel(label.label_id, { name });
    await mailbox.loadFolders();
  } });
}

function chooseColour(mailbox, anchor, label) {
  openMenu(anchor, `Colour of ${label.name}`, COLOURS.map(([colour, name]) => ({
    label: name,
    checked: label.colour === colour,
    run: () => attempt(mailbox, () => mailbox.client.changeLabel(label.label_id, { colour })),
  })));
}

async function remove(mailbox, label, { leaveLabel }) {
  const detail = label.total_count
    ? `It is taken off ${plural(label.total_count, "mail")}, which stay where they are.`
    : "No mail carries it.";
  if (!(await confirm(`Delete the label “${label.name}”?`, { detail }))) return;
  await attempt(mailbox, async () => {
    await mailbox.client.deleteLabel(label.label_id);
    if (mailbox.view?.label === label.label_id) leaveLabel();
  });
}

async function attempt(mailbox, act) {
  try {
    await act();
    await mailbox.loadFolders();
  } catch (problem) {
    toast(problem.words ?? String(problem), { isError: true });
  }
}
