"""Drafts in a mailbox: what saving one changes. Pure.

A draft is made once and saved as often as its writer likes, under one id. Whoever saves says on
which version they wrote: if another was saved since, theirs changes nothing, so that nobody's
words are lost to somebody who never saw them. A saved draft lies in the folder of drafts,
wherever it was put.
"""

from topologies.events.draft import ANY_VERSION
from topologies.events.mailbox import DELETED, SaveDraft
from topologies.mail import threads
from topologies.mail.mailbox_emails import draft_of
from topologies.mail.mailbox_ledger import Ledger
from topologies.ports.mailboxes import Effects, Loaded

_NO_DRAFT = "there is no such draft in the mailbox"
_CHANGED = "the draft was saved again since: read it, and save what you wrote into that"


def save_draft(command: SaveDraft, loaded: Loaded) -> Effects:
    """Return what *command* does to the mailbox of which *loaded* is a part."""
    ledger = Ledger(command, loaded)
    before = loaded.emails.get(command.email_id)
    if not command.replaces:
        return _add(command, loaded, ledger)
    if before is None or before.folder_id == DELETED or not loaded.draft_version:
        return ledger.refused("not-found", _NO_DRAFT)
    if command.replaces not in (ANY_VERSION, loaded.draft_version):
        return ledger.refused("changed", _CHANGED)
    # The conversation stays the one it was begun in.
    thread_id, seq = before.thread_id, ledger.next_seq
    ledger.rewrite(before, draft_of(command, before, thread_id=thread_id, seq=seq))
    return ledger.done()


def _add(command: SaveDraft, loaded: Loaded, ledger: Ledger) -> Effects:
    if command.email_id in loaded.emails or command.email_id in loaded.gone:
        return ledger.done()  # it was made before, and that was forgotten
    joined = threads.join(command.message, command.email_id, loaded.threads, loaded.thread_sizes)
    email = draft_of(command, None, thread_id=joined.thread_id, seq=ledger.next_seq)
    ledger.add(email)
    ledger.remember(joined.remembered)
    for merged in joined.merged:
        ledger.merge(merged, joined.thread_id)
    return ledger.done()
