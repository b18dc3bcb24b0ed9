"""Trash in a mailbox: what deleting, emptying and restoring change. Pure.

A mail that is deleted goes to trash first. From there, or at once if it is asked for, it is gone:
for good, or so that it can be restored. What can be restored lies in ``DELETED``, counts for no
quota and is met by nobody, until it is restored, or deleted once more.
"""

from collections.abc import Iterable
from datetime import datetime

from topologies.events.mailbox import (
    DELETED,
    INBOX,
    SPAM,
    TRASH,
    DeleteEmails,
    EmptyFolder,
    RestoreEmails,
)
from topologies.mail.mailbox_ledger import Ledger
from topologies.mail.snoozing import SNOOZED
from topologies.ports.mailboxes import Effects, Loaded, Summary

_NO_EMAIL = "there is no such mail in the mailbox"
_NOT_EMPTIED = "only trash and spam can be emptied"
_NOT_THERE = "this mail is neither in trash nor was it deleted lately"


def delete(command: DeleteEmails, loaded: Loaded) -> Effects:
    """Return what *command* does to the mailbox of which *loaded* is a part."""
    ledger = Ledger(command, loaded)
    is_final = command.permanent and not command.is_restorable
    mails = [mail for mail in _named(command.email_ids, loaded) if _is_meant(command, mail)]
    # What was put aside is deleted by whoever deletes for good, and is gone for all others.
    mails = [mail for mail in mails if is_final or mail.folder_id != DELETED]
    if not mails:
        return ledger.refused("not-found", _NO_EMAIL)
    for mail in mails:
        if command.permanent or mail.folder_id == TRASH:
            _delete(ledger, mail, is_restorable=command.is_restorable)
        else:
            ledger.move(mail, TRASH)
    return ledger.done()


def empty(command: EmptyFolder, loaded: Loaded) -> Effects:
    """Return what *command* does, for which the oldest mails of the folder were loaded."""
    ledger = Ledger(command, loaded)
    if command.folder_id not in (TRASH, SPAM, DELETED):
        return ledger.refused("system-folder", _NOT_EMPTIED)
    for mail in _to_go(command, loaded):
        _delete(ledger, mail, is_restorable=command.is_restorable)
    return ledger.done()


def is_left(command: EmptyFolder, loaded: Loaded) -> bool:
    """Return whether *command* would delete anything, as ``empty``."""
    return bool(_to_go(command, loaded))


def restore(command: RestoreEmails, loaded: Loaded) -> Effects:
    """Return what *command* does to the mailbox of which *loaded* is a part."""
    ledger = Ledger(command, loaded)
    named = _named(command.email_ids, loaded)
    mails = [mail for mail in named if mail.folder_id in (TRASH, DELETED)]
    if not mails:
        return ledger.refused("not-found", _NOT_THERE if named else _NO_EMAIL)
    for mail in mails:
        home = loaded.folders.get(mail.before.folder_id) if mail.before is not None else None
        is_home = home is not None and not home.is_deleting
        folder_id = home.folder_id if home is not None and is_home else INBOX
        # Who wants a mail back does not take it for spam; and what was to bring it back at its
        # time may have come and gone meanwhile.
        folder_id = INBOX if folder_id in (TRASH, SPAM, SNOOZED) else folder_id
        if mail.folder_id == DELETED:
            ledger.restore(mail, folder_id)
        else:
            ledger.move(mail, folder_id)
    return ledger.done()


def put_there(mail: Summary) -> datetime:
    """Return when *mail* was put where it lies: into trash or spam, or aside."""
    return mail.before.at if mail.before is not None else mail.created_at


def _to_go(command: EmptyFolder, loaded: Loaded) -> list[Summary]:
    return [mail for mail in loaded.emails.values() if put_there(mail) <= command.put_before]


def _delete(ledger: Ledger, mail: Summary, *, is_restorable: bool) -> None:
    if is_restorable and mail.folder_id != DELETED:
        ledger.put_aside(mail)
    else:
        ledger.remove(mail)


def _is_meant(command: DeleteEmails, mail: Summary) -> bool:
    if command.only_in and mail.folder_id != command.only_in:
        return False
    return command.put_before is None or put_there(mail) <= command.put_before


def _named(email_ids: Iterable[str], loaded: Loaded) -> list[Summary]:
    return [loaded.emails[each] for each in dict.fromkeys(email_ids) if each in loaded.emails]
