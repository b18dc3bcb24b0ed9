// Mail that one brings along, and all that one takes along: parts of the settings.

import { save } from "./attachments.js";
import { Problem, problemOf } from "./client.js";
import { h, plural } from "./dom.js";
import { Missing, form } from "./forms.js";

/** Bring the mail of a file. */
export function bringPart(client) {
  const file = h("input", { type: "file", id: "bring-file",
    accept: ".mbox,.eml,application/mbox,message/rfc822" });
  const bar = h("progress", { max: "1", hidden: true, "aria-label": "How much of it is here" });
  return form("Bring mail along", async () => {
    const [chosen] = file.files;
    if (!chosen) throw new Missing("Choose a file first.", file);
    bar.hidden = false;
    try {
      const told = await sent(client, chosen, (share) => { bar.value = share; });
      file.value = "";
      return words(told);
    } finally {
      bar.hidden = true;
    }
  }, [
    h("p", { class: "dim" }, "A mailbox file (mbox), as other programs write it, or one mail (.eml)."
      + " What is here already is not added twice."),
    h("label", { for: file.id }, "File"), file, bar,
  ], { yes: "Bring it here" });
}

/** Take everything along. */
export function takePart(client) {
  const what = h("select", { id: "take-what" },
    h("option", { value: "what=everything" }, "Everything, the mail as mbox files"),
    h("option", { value: "what=mail" }, "The mail, as mbox files"),
    h("option", { value: "what=mail&format=maildir" }, "The mail, as a Maildir"));
  return form("Take it along", async () => {
    const { file, name } = await client.takeout(what.value);
    save(file, name);
    return "";
  }, [
    h("p", { class: "dim" }, "A zip file. It may take a while until your browser has it."),
    h("label", { for: what.id }, "What"), what,
  ], { yes: "Download" });
}

/** Send a file; `onshare` is told how much of it is there. What `fetch` does not tell. */
function sent(client, file, onshare) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/import");
    request.setRequestHeader("Authorization", `Bearer ${client.token}`);
    request.setRequestHeader("Content-Type", "application/mbox");
    request.upload.addEventListener("progress", ({ loaded, total }) => onshare(total ? loaded / total : 0));
    request.addEventListener("load", () => {
      let told = {};
      try {
        told = JSON.parse(request.responseText);
      } catch {
        // A proxy's page: its status says enough.
      }
      if (request.status === 202) resolve(told);
      else reject(problemOf(request.status, told));
    });
    for (const failed of ["error", "abort"]) {
      request.addEventListener(failed, () => reject(new Problem({
        title: "The connection broke: bring the file once more, what is here is not added twice." })));
    }
    request.send(file);
  });
}

function words({ added, already_there, refused, refused_count }) {
  const told = [added === 1 ? "1 mail was added" : `${plural(added, "mail")} were added`];
  if (already_there) told.push(`${already_there} ${already_there === 1 ? "was" : "were"} here already`);
  if (refused_count) told.push(`${refused_count} could not be taken (${refused[0].detail})`);
  return `${told.join(", ")}.`;
}
