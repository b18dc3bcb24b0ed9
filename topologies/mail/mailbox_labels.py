"""Labels in a mailbox: what making, changing, deleting and putting them on mails changes. Pure.

A label is a name beside the folders. A mail carries any number of them, up to ``MOST_ON_A_MAIL``,
keeps them wherever it is moved, in trash and spam too, and loses them only when they are taken
off it, or when it is gone. A label that is deleted is hidden at once and taken off its mails in
bounded steps.
"""

import re
from dataclasses import replace

from topologies.events.mailbox import ChangeLabel, CreateLabel, DeleteLabel, LabelEmails
from topologies.mail import folder_names
from topologies.mail.mailbox_ledger import Ledger
from topologies.ports.mailboxes import Effects, Label, Loaded

MOST_ON_A_MAIL = 50
MOST_LABELS = 500  # of one mailbox
COLOUR = "^#[0-9a-f]{6}$"

_NO_LABEL = "there is no such label in the mailbox"
_TAKEN = "a label of this name is there already"
_NO_COLOUR = 'a colour is written as "#1f6feb", or left empty'
_NO_EMAIL = "there is no such mail in the mailbox"


def create(command: CreateLabel, loaded: Loaded) -> Effects:
    """Return what *command* does to the mailbox of which *loaded* is a part."""
    ledger = Ledger(command, loaded)
    there = loaded.labels.get(command.label_id)
    if there is not None and there.is_deleting:
        return ledger.refused("invalid", "this label is being deleted")
    if there is not None:
        return ledger.done()
    try:
        name, colour = folder_names.normalised(command.name, "label"), _colour(command.colour)
    except ValueError as error:
        return ledger.refused("invalid", str(error))
    if folder_names.is_taken_by_label(name, loaded.labels.values()):
        return ledger.refused("name-taken", _TAKEN)
    if len(loaded.labels) >= MOST_LABELS:
        return ledger.refused("invalid", f"a mailbox has at most {MOST_LABELS} labels")
    ledger.put_label(Label(label_id=command.label_id, name=name, colour=colour), "label.added")
    return ledger.done()


def change(command: ChangeLabel, loaded: Loaded) -> Effects:
    """Return what *command* does to the mailbox of which *loaded* is a part."""
    ledger = Ledger(command, loaded)
    label = _visible(loaded, command.label_id)
    if label is None:
        return ledger.refused("not-found", _NO_LABEL)
    try:
        after = replace(
            label,
            name=label.name
            if command.name is None
            else folder_names.normalised(command.name, "label"),
            colour=label.colour if command.colour is None else _colour(command.colour),
        )
    except ValueError as error:
        return ledger.refused("invalid", str(error))
    others = [each for each in loaded.labels.values() if each is not label]
    if folder_names.is_taken_by_label(after.name, others):
        return ledger.refused("name-taken", _TAKEN)
    if after != label:
        ledger.put_label(after, "label.updated")
    return ledger.done()


def delete(command: DeleteLabel, loaded: Loaded, *, step: int) -> Effects:
    """Return what *command* does, for which up to *step* mails with the label were loaded."""
    ledger = Ledger(command, loaded)
    label = loaded.labels.get(command.label_id)
    if label is None:
        return ledger.refused("not-found", _NO_LABEL)
    is_last_step = label.total_count <= step
    if not is_last_step and not label.is_deleting:
        ledger.put_label(replace(label, is_deleting=True), "label.updated")
    for mail in loaded.emails.values():
        ledger.set_labels(mail, [each for each in mail.labels if each != label.label_id])
    if is_last_step:
        ledger.remove_label(label.label_id)
    return ledger.done()


def put_on(command: LabelEmails, loaded: Loaded) -> Effects:
    """Return what *command* does to the mailbox of which *loaded* is a part."""
    ledger = Ledger(command, loaded)
    if not loaded.emails:
        return ledger.refused("not-found", _NO_EMAIL)
    if any(_visible(loaded, label_id) is None for label_id in command.added):
        return ledger.refused("not-found", _NO_LABEL)
    named = [loaded.emails[i] for i in dict.fromkeys(command.email_ids) if i in loaded.emails]
    wanted = [(mail, {*mail.labels, *command.added}.difference(command.removed)) for mail in named]
    if any(len(labels) > MOST_ON_A_MAIL for _, labels in wanted):
        return ledger.refused("invalid", f"a mail carries at most {MOST_ON_A_MAIL} labels")
    for mail, labels in wanted:
        ledger.set_labels(mail, labels)
    return ledger.done()


def _visible(loaded: Loaded, label_id: str) -> Label | None:
    label = loaded.labels.get(label_id)
    return None if label is None or label.is_deleting else label


def _colour(text: str) -> str:
    """Return a colour as it is kept.

    Raises:
        ValueError: It is none.
    """
    lower = text.lower()
    if lower and not re.fullmatch(COLOUR.strip("^$"), lower):
        raise ValueError(_NO_COLOUR)
    return lower
