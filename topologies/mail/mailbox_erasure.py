"""A mailbox whose user is gone: what is told of its end, and of what comes too late; pure."""

from collections.abc import Sequence

from topologies.events.mailbox import Command, CommandAnswered, EraseMailbox, MailboxChanged
from topologies.mail import ids
from topologies.ports.mailboxes import Mailbox

_GONE = "the mailbox is gone with its user"


def next_step_of(command: EraseMailbox) -> EraseMailbox:
    """Return the command that carries on what *command* began."""
    return EraseMailbox(
        user_id=command.user_id,
        command_id=ids.command_id("erase", command.command_id),
        issued_at=command.issued_at,
    )


def erased(command: EraseMailbox, mailbox: Mailbox) -> MailboxChanged:
    """Return that nothing is left of a mailbox; its last change."""
    return MailboxChanged(
        user_id=command.user_id,
        seq=mailbox.seq,
        command_id=command.command_id,
        changed_at=command.issued_at,
        kind="mailbox.erased",
    )


def refused_by_erased(command: Command, mailbox: Mailbox) -> Sequence[CommandAnswered]:
    """Return what *command* leads to that came too late: an answer, if somebody waits for one."""
    if not command.answer:
        return ()
    return (
        CommandAnswered(
            user_id=command.user_id,
            command_id=command.command_id,
            status="refused",
            seq=mailbox.seq,
            problem="not-found",
            detail=_GONE,
        ),
    )
