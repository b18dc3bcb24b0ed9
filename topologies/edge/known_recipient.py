"""Known recipient: a mail is taken for whom we have, and never passed on.

Reads the directory. What is none of our domains is refused in whatever form it is written, so
that nobody can relay through us (RFC 5321 §3.6.2).
"""

from msgspec.structs import replace

from topologies.check import Refusal, Transaction, check
from topologies.ports.directory import Directory


@check(at="rcpt", rank=10, origins=("smtp", "lmtp"), by_size=True)
async def known_recipient(mail: Transaction, *, directory: Directory) -> Refusal | Transaction:
    """Return the mail with the mailboxes behind its recipient, or why it has none.

    Raises:
        Retryable: The directory is out of reach.
    """
    resolved = await directory.resolve(mail.recipient)
    match resolved.status:
        case "local":
            return replace(mail, targets=resolved.targets)
        case "unknown":
            return Refusal(
                reply="550 5.1.1 There is no such mailbox here", reason="unknown recipient"
            )
        case "foreign" if mail.recipient.endswith("]"):
            # A machine by its number is no domain that mail could be passed on to.
            return Refusal(
                reply="550 5.1.2 Mail is taken here by domain names, not by numbers",
                reason="address literal",
            )
        case "foreign":
            return Refusal(
                reply="554 5.7.1 That domain is none of ours, and mail is not passed on",
                reason="relaying",
            )
        case "invalid":
            return Refusal(reply="553 5.1.3 That is no valid address", reason="invalid recipient")
