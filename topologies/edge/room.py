"""Room: a mailbox that is full takes no more, and one that is too small never will.

Reads quotas from the directory, and sizes from the mailboxes. Asked again when a message turns
out larger than was declared (RFC 1870 §6.3).
"""

from topologies.check import Refusal, Transaction, check
from topologies.ports.directory import Directory
from topologies.ports.mailboxes import Mailboxes


@check(at="rcpt", rank=20, origins=("smtp", "lmtp"), by_size=True)
async def room(mail: Transaction, *, directory: Directory, mailboxes: Mailboxes) -> Refusal | None:
    """Return the refusal if nobody behind the recipient has room.

    Raises:
        Retryable: The directory or the mailboxes are out of reach.
    """
    # An alias is full when all behind it are: one full mailbox must not keep the mail
    # from the others, and what is accepted is kept for each of them.
    if mail.goes_on:
        return None
    refusal = Refusal(reply="550 5.1.1 There is no such mailbox here", reason="deleted just now")
    for target in mail.targets:
        user = await directory.user(target.user_id)
        if user is None:
            continue
        quota = user.quota_bytes
        if quota is None:
            return None
        if mail.size_bytes > quota:
            refusal = Refusal(
                reply="552 5.2.2 The message is larger than the whole mailbox may be",
                reason=f"{mail.size_bytes} bytes for a quota of {quota}",
            )
            continue
        used = await mailboxes.usage(target.user_id)
        if used < quota and used + mail.size_bytes <= quota:
            return None
        refusal = Refusal(
            reply="452 4.2.2 The mailbox is full, come back later",
            reason=f"{used} of {quota} bytes used",
        )
    return refusal
