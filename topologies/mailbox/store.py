"""Store: a mailbox does what its commands say, one after another.

Reads `mailbox.commands`; writes to `mailbox.changes` what each command changed and the
answer to whoever waits, to `mailbox.reports` what users say of spam, to `mailbox.sent` that there
is one more mail among those they sent, and the next step of a
folder's or a label's deletion. What a command does is
decided by ``topologies.mail.mailbox``; here it is only loaded for and written. A command
that was applied before leads to the same events again, and changes nothing. Commands of one
user that wait behind each other are loaded for and written together, to the same effect.
A mailbox whose user is gone is taken away in bounded steps, and takes nothing any more.
"""

from collections.abc import Sequence

from topologies.events import (
    ChangeLabel,
    Command,
    CommandAnswered,
    CreateFolder,
    CreateLabel,
    DeleteEmails,
    DeleteFolder,
    DeleteLabel,
    Deliver,
    EmptyFolder,
    EraseMailbox,
    Event,
    LabelEmails,
    MailboxChanged,
    MoveEmails,
    RenameFolder,
    RestoreEmails,
    SaveDraft,
    SentMailKept,
    SetFlags,
    SpamReported,
    UseMailbox,
)
from topologies.mail.mailbox import decide, following, needs
from topologies.mail.mailbox_erasure import erased, next_step_of, refused_by_erased
from topologies.mail.mailbox_reports import reports
from topologies.mail.mailbox_sent import sent
from topologies.mail.mailbox_several import decide_several, together
from topologies.ports.mailboxes import Mailboxes
from topologies.stage import stage


async def store_several(
    commands: Sequence[Command], *, mailboxes: Mailboxes
) -> Sequence[Sequence[Event]]:
    """Apply *commands* of one user, in order, and return what each of them led to."""
    told: list[Sequence[Event]] = []
    while len(told) < len(commands):
        chosen = together(commands[len(told) :])
        if len(chosen) == 1:
            told.append(await store(chosen[0], mailboxes=mailboxes))
            continue
        wanted = [needs(command) for command in chosen]
        loaded = await mailboxes.load_for_several(chosen[0].user_id, wanted)
        if loaded.loaded.mailbox.is_erased:
            told += [refused_by_erased(command, loaded.loaded.mailbox) for command in chosen]
            continue
        decided = decide_several(chosen, loaded)
        if decided.effects:
            await mailboxes.write_several(decided.effects)
        told += [[*events, *reports(events), *sent(events)] for events in decided.told]
    return told


@stage(
    reads=[
        Deliver,
        SetFlags,
        MoveEmails,
        DeleteEmails,
        CreateFolder,
        RenameFolder,
        DeleteFolder,
        UseMailbox,
        SaveDraft,
        CreateLabel,
        ChangeLabel,
        DeleteLabel,
        LabelEmails,
        RestoreEmails,
        EmptyFolder,
        EraseMailbox,
    ],
    writes=[
        MailboxChanged,
        CommandAnswered,
        SpamReported,
        SentMailKept,
        DeleteFolder,
        DeleteLabel,
        EmptyFolder,
        EraseMailbox,
    ],
    several=store_several,
)
async def store(command: Command, *, mailboxes: Mailboxes) -> Sequence[Event]:
    """Apply *command* and return what it led to."""
    if isinstance(command, EraseMailbox):
        return await _erased(command, mailboxes)
    loaded = await mailboxes.load(command.user_id, needs(command))
    if loaded.mailbox.is_erased:
        return refused_by_erased(command, loaded.mailbox)
    effects = decide(command, loaded)
    if loaded.answered is None:
        await mailboxes.write(effects)
    events = effects.events
    return [*events, *reports(events), *sent(events), *following(command, events)]


async def _erased(command: EraseMailbox, mailboxes: Mailboxes) -> Sequence[Event]:
    if await mailboxes.erase(command.user_id):
        return [next_step_of(command)]
    return [erased(command, await mailboxes.mailbox(command.user_id))]
