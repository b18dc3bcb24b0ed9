// What is done to folders: custom ones are made, renamed, moved and deleted.

import { askFor, confirm, openMenu } from "./dialogs.js";
import { plural } from "./dom.js";
import { toast } from "./notices.js";

/** What can be done with one folder of `tree`, which is the tree of all. */
export function openFolder(tree, anchor, folder) {
  openMenu(anchor, `Folder ${folder.name}`, [
    { label: "New folder inside…", run: () => createFolder(tree, folder) },
    { label: "Rename…", run: () => rename(tree.mailbox, folder) },
    { label: "Move to…", run: () => chooseParent(tree, anchor, folder) },
    { label: "Delete…", run: () => remove(tree, folder) },
  ]);
}

/** Ask for a name, make a folder and open it. */
export function createFolder({ mailbox, actions }, parent = null) {
  const title = parent ? `New folder in ${parent.name}` : "New folder";
  askFor(title, "Name", { yes: "Create", act: async (name) => {
    const made = await mailbox.client.createFolder({ name, parent_id: parent?.folder_id ?? null });
    await mailbox.loadFolders();
    if (made?.folder_id) actions.open(made.folder_id);
  } });
}

function rename(mailbox, folder) {
  askFor("Rename folder", "Name", { value: folder.name, yes: "Rename", act: async (name) => {
    await mailbox.client.changeFolder(folder.folder_id, { name });
    await mailbox.loadFolders();
  } });
}

function chooseParent(tree, anchor, folder) {
  const { mailbox } = tree;
  const own = new Set(tree.whole(folder).map((each) => each.folder_id));
  const targets = mailbox.folders.filter((each) =>
    !each.is_system && !own.has(each.folder_id) && each.folder_id !== folder.parent_id);
  const put = (parent_id) => async () => {
    try {
      await mailbox.client.changeFolder(folder.folder_id, { parent_id });
      await mailbox.loadFolders();
    } catch (problem) {
      toast(problem.words ?? String(problem), { isError: true });
    }
  };
  openMenu(anchor, `Move ${folder.name} to`, [
    ...(folder.parent_id ? [{ label: "Out of all folders", run: put(null) }] : []),
    ...targets.map((each) => ({ label: mailbox.pathOf(each.folder_id), run: put(each.folder_id) })),
  ]);
}

async function remove(tree, folder) {
  const { mailbox, actions } = tree;
  const whole = tree.whole(folder);
  const total = whole.reduce((sum, each) => sum + each.total_count, 0);
  const what = whole.length > 1 ? `It and ${plural(whole.length - 1, "folder")} inside go; ` : "";
  const detail = what + (total
    ? `${what ? "their" : "Its"} ${plural(total, "mail")} will be moved to Trash.`
    : `${what ? "they are" : "It is"} empty.`);
  if (!(await confirm(`Delete the folder “${folder.name}”?`, { detail }))) return;
  try {
    await mailbox.client.deleteFolder(folder.folder_id);
    const isOpen = whole.some((each) => each.folder_id === mailbox.view?.folder);
    if (isOpen) actions.open("inbox");
    await mailbox.loadFolders();
  } catch (problem) {
    toast(problem.words, { isError: true });
  }
}
