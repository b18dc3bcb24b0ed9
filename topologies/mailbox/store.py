"""Store: a mailbox does what its commands say, one after another.

Reads `mailbox.commands`; writes to `mailbox.changes` what each command changed and the
answer to whoever waits, to `mailbox.reports` what users say of spam, and the next step of a
folder's deletion. What a command does is
decided by ``topologies.mail.mailbox``; here it is only loaded for and written. A command
that was applied before leads to the same events again, and changes nothing. Commands of one
user that wait behind each other are loaded for and written together, to the same effect.
"""

from collections.abc import Sequence

from topologies.events import (
    Command,
    CommandAnswered,
    CreateFolder,
    DeleteEmails,
    DeleteFolder,
    Deliver,
    Event,
    MailboxChanged,
    MoveEmails,
    RenameFolder,
    SaveDraft,
    SetFlags,
    SpamReported,
    UseMailbox,
)
from topologies.mail.mailbox import decide, following, needs
from topologies.mail.mailbox_reports import reports
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
        decided = decide_several(chosen, loaded)
        if decided.effects:
            await mailboxes.write_several(decided.effects)
        told += [[*events, *reports(events)] for events in decided.told]
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
    ],
    writes=[MailboxChanged, CommandAnswered, SpamReported, DeleteFolder],
    several=store_several,
)
async def store(command: Command, *, mailboxes: Mailboxes) -> Sequence[Event]:
    """Apply *command* and return what it led to."""
    loaded = await mailboxes.load(command.user_id, needs(command))
    effects = decide(command, loaded)
    if loaded.answered is None:
        await mailboxes.write(effects)
    next_step = following(command, effects.events)
    return [*effects.events, *reports(effects.events), *([next_step] if next_step else [])]
