"""What users said is spam and what is none: mail to train the common model on.

Reads mailboxes. Spam is what a user put into the spam folder although it was not taken for spam;
ham is what was taken for spam and lies elsewhere by now, and mail that its reader starred or
filed into a folder of their own. What the model sorted by itself teaches it nothing.
"""

from collections.abc import AsyncGenerator

from topologies.events import SPAM, SYSTEM_FOLDERS, TRASH
from topologies.mail.listing import pages
from topologies.ports.directory import Directory
from topologies.ports.mailboxes import Email, Mailboxes, Summary


async def reported(
    directory: Directory, mailboxes: Mailboxes
) -> AsyncGenerator[tuple[Email, bool]]:
    """Yield each mail that a user has an opinion on, and whether that is that it is spam."""
    for user in await directory.users():
        for folder in await mailboxes.folders(user.user_id):
            if folder.folder_id == TRASH:
                continue
            async for lines in pages(mailboxes, user.user_id, folder.folder_id):
                for line in lines:
                    if not _may_be_told(line):
                        continue
                    email = await mailboxes.email(user.user_id, line.email_id)
                    is_spam = _opinion(email) if email is not None else None
                    if email is not None and is_spam is not None:
                        yield email, is_spam


def _may_be_told(line: Summary) -> bool:
    # What was sent or is a draft was never judged.
    return line.spam_probability is not None


def _opinion(email: Email) -> bool | None:
    """Return whether the owner of *email* holds it for spam; None if that is not known."""
    spam, line = email.spam, email.summary
    if spam is None or not spam.model:
        return None
    if line.folder_id == SPAM:
        return None if spam.is_spam else True
    is_kept = line.is_starred or line.folder_id not in SYSTEM_FOLDERS
    return False if spam.is_spam or is_kept else None
