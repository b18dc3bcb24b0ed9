"""Store: a mailbox does what its commands say, one after another.

Reads `mailbox.commands`; writes to `mailbox.changes` what each command changed and the
answer to whoever waits, and the next step of a folder's deletion. What a command does is
decided by ``topologies.mail.mailbox``; here it is only loaded for and written. A command
that was applied before leads to the same events again, and changes nothing.
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
    SetFlags,
)
from topologies.mail.mailbox import decide, following, needs
from topologies.ports.mailboxes import Mailboxes
from topologies.stage import stage


@stage(
    reads=[
        Deliver,
        SetFlags,
        MoveEmails,
        DeleteEmails,
        CreateFolder,
        RenameFolder,
        DeleteFolder,
    ],
    writes=[MailboxChanged, CommandAnswered, DeleteFolder],
)
async def store(command: Command, *, mailboxes: Mailboxes) -> Sequence[Event]:
    """Apply *command* and return what it led to."""
    loaded = await mailboxes.load(command.user_id, needs(command))
    effects = decide(command, loaded)
    if loaded.answered is None:
        await mailboxes.write(effects)
    next_step = following(command, effects.events)
    return [*effects.events, *([next_step] if next_step else [])]
