"""Own From: what a user sends says that it is from them (RFC 6409 §6.1, RFC 5322 §3.6.2).

Reads the header, which must be whole in the first part of the message, and the directory.
"""

from topologies.check import Refusal, Transaction, check
from topologies.mail import submitted_header
from topologies.mail.sender_rights import may_write_as
from topologies.ports.directory import Directory

MOST_AUTHORS = 10


@check(at="data", rank=20, origins=("submission",))
async def own_from(mail: Transaction, *, directory: Directory) -> Refusal | None:
    """Return the refusal of a message in another's name, or in nobody's.

    Raises:
        Retryable: The directory is out of reach.
    """
    if not (mail.is_whole or submitted_header.is_whole(mail.start)):
        return Refusal(reply="552 5.3.4 The header is too large", reason="header too large")
    authors = submitted_header.named(mail.start, "from")
    if len(authors) != 1 or not 1 <= len(authors[0]) <= MOST_AUTHORS:
        return Refusal(reply="554 5.6.0 One From is needed, with an address", reason="no one From")
    senders = submitted_header.named(mail.start, "sender")
    if len(senders) > 1:
        return Refusal(reply="554 5.6.0 There are several Sender", reason="several Sender")
    for address in (*authors[0], *(senders[0] if senders else ())):
        if not await may_write_as(directory, mail.user_id, address):
            return Refusal(
                reply="553 5.7.1 From or Sender is no address of yours",
                reason="From is not the user's",
            )
    return None
