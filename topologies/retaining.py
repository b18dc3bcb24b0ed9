"""Retention: which mails of a mailbox are older than a rule lets them be, and what is done then.

Reads a mailbox, writes nothing. What comes of it are commands, which the stage `store` applies as
if the user had given them: mails go to the trash, or for good. A command's id is derived from the
mails in it and the rule, so a rule that is applied twice, or again after it was cut off, deletes
nothing that it does not mean.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from topologies.events import TRASH, Command, DeleteEmails, MoveEmails
from topologies.mail import ids
from topologies.mail.listing import pages
from topologies.ports.mailboxes import Mailboxes, Summary

AT_ONCE = 100  # mails of one command

What = Literal["trash", "delete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is kept no longer.

    Attributes:
        folders: Names of the folders it is about, or ids of system folders.
        before: Mails that came before this.
        what: ``trash``: what lies elsewhere goes to the trash. ``delete``: it is gone for good.
        keeps_starred: What is starred stays.
    """

    folders: tuple[str, ...]
    before: datetime
    what: What
    keeps_starred: bool = True

    def meets(self, line: Summary) -> bool:
        """Tell whether *line*, which lies in one of the folders, is kept no longer."""
        return line.created_at < self.before and not (self.keeps_starred and line.is_starred)


async def falling_under(
    rule: Rule, user_id: str, mailboxes: Mailboxes
) -> AsyncGenerator[Sequence[Summary]]:
    """Yield the mails of a mailbox that *rule* is about, some at a time.

    Raises:
        Retryable: The store is out of reach.
    """
    for folder in await mailboxes.folders(user_id):
        if folder.folder_id not in rule.folders and folder.name not in rule.folders:
            continue
        if rule.what == "trash" and folder.folder_id == TRASH:
            continue  # it lies there
        found: list[Summary] = []
        async for lines in pages(mailboxes, user_id, folder.folder_id):
            found += filter(rule.meets, lines)
            while len(found) >= AT_ONCE:
                yield found[:AT_ONCE]
                del found[:AT_ONCE]
        if found:
            yield found


def command_for(rule: Rule, user_id: str, lines: Sequence[Summary], at: datetime) -> Command:
    """Return what has *lines* go as *rule* says.

    Args:
        rule: The rule.
        user_id: Whose mails they are.
        lines: One to ``AT_ONCE`` of them, all of one folder.
        at: What time it is.
    """
    email_ids = tuple(line.email_id for line in lines)
    # The state they are in is a part of the id: who takes a mail out of the trash again, and
    # leaves it there until the rule comes by once more, is not passed over.
    states = tuple(f"{line.email_id}/{line.changed_seq}" for line in lines)
    command_id = ids.command_id("retention", rule.what, user_id, *states)
    if rule.what == "trash":
        # No DeleteEmails: what its owner has put there meanwhile would be gone for good.
        return MoveEmails(
            user_id=user_id,
            command_id=command_id,
            issued_at=at,
            email_ids=email_ids,
            folder_id=TRASH,
        )
    return DeleteEmails(
        user_id=user_id,
        command_id=command_id,
        issued_at=at,
        email_ids=email_ids,
        permanent=True,
        only_in=lines[0].folder_id,
        put_before=at,
    )
