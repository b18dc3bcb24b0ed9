"""Who gets mail here: the answer to each recipient, before and after the message came.

Reads the directory and the mailboxes' sizes; writes nothing. Never relays: what is none of
our domains is refused, whatever form it is written in. Whether a mail is spam is not asked
here: nobody waits for that.
"""

from collections.abc import Sequence

from connectors.smtp_in import replies
from topologies.ports.directory import Directory, Target
from topologies.ports.mailboxes import Mailboxes


class Policy:
    """Answers for one deployment."""

    def __init__(self, directory: Directory, mailboxes: Mailboxes) -> None:
        self._directory = directory
        self._mailboxes = mailboxes

    async def answer(self, path: str, size_bytes: int) -> str:
        """Return the reply to a recipient: a refusal, or ``RECIPIENT_OK``.

        Args:
            path: The forward-path without ``<>``.
            size_bytes: As the client declared it, 0 if it did not (RFC 1870).

        Raises:
            Retryable: The directory or the mailboxes are out of reach.
        """
        resolved = await self._directory.resolve(path)
        match resolved.status:
            case "local":
                return await self._room(resolved.targets, size_bytes)
            case "unknown":
                return replies.NO_SUCH_USER
            case "foreign":
                # A machine by its number is no domain that mail could be passed on to.
                return replies.NO_SUCH_SYSTEM if path.endswith("]") else replies.NO_RELAY
            case "invalid":
                return replies.BAD_RECIPIENT

    async def answers(self, paths: Sequence[str], size_bytes: int) -> list[str]:
        """Return the replies once the real size is known, to recipients accepted before.

        Raises:
            Retryable: As ``answer``.
        """
        return [await self.answer(path, size_bytes) for path in paths]

    async def _room(self, targets: Sequence[Target], size_bytes: int) -> str:
        # An alias is full when all behind it are: one full mailbox must not keep the mail
        # from the others, and what is accepted is kept for each of them.
        refusal = replies.NO_SUCH_USER
        for target in targets:
            user = await self._directory.user(target.user_id)
            if user is None:
                continue  # deleted a moment ago
            quota = user.quota_bytes
            if quota is None:
                return replies.RECIPIENT_OK
            if size_bytes > quota:
                refusal = replies.LARGER_THAN_MAILBOX
                continue
            used = await self._mailboxes.usage(target.user_id)
            if used < quota and used + size_bytes <= quota:
                return replies.RECIPIENT_OK
            refusal = replies.MAILBOX_FULL
        return refusal
