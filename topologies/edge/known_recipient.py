"""Known recipient: a mail is taken for whom we have, and never passed on for strangers.

Reads the directory. What is none of our domains is refused in whatever form it is written, so
that nobody can relay through us (RFC 5321 §3.6.2). A reverse-path of ours, under which a mail was
forwarded or sent, takes what bounced, if it was we who made it and not too long ago. A group whose
members alone may write to it takes mail of their addresses; whether it is theirs is asked later.
"""

from msgspec.structs import replace

from topologies.check import Refusal, Transaction, check
from topologies.mail import srs, verp
from topologies.mail.answerable import keys as address_keys
from topologies.ports.clock import Clock
from topologies.ports.directory import Directory, Resolved
from topologies.ports.url_key import UrlKey


@check(at="rcpt", rank=10, origins=("smtp", "lmtp"), by_size=True)
async def known_recipient(
    mail: Transaction, *, directory: Directory, url_key: UrlKey, clock: Clock
) -> Refusal | Transaction:
    """Return the mail with the mailboxes behind its recipient, or why it has none.

    Raises:
        Retryable: The directory, or the key of reverse-paths, is out of reach.
    """
    resolved = await directory.resolve(mail.recipient)
    local = mail.recipient.lstrip("<").rpartition("@")[0]
    if resolved.status in ("local", "unknown") and (srs.is_one(local) or verp.is_one(local)):
        return _bounced(mail, local, await url_key.get(), clock)
    match resolved.status:
        case "local" if resolved.members_only and not _is_member(mail.mail_from, resolved):
            return Refusal(reply="550 5.7.1 Only members may write there", reason="no member")
        case "local":
            return replace(mail, targets=resolved.targets, goes_on=bool(resolved.forwards))
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


def _bounced(mail: Transaction, local: str, secret: bytes, clock: Clock) -> Refusal | Transaction:
    if mail.mail_from:
        # What is no bounce would make a relay of us, by an address that anybody can read.
        return Refusal(
            reply="550 5.7.1 Only reports on mail are taken for that address",
            reason="mail to a reverse-path",
        )
    try:
        if srs.is_one(local):
            srs.original(local, srs.key_of(secret), clock.now())
        else:
            verp.delivery_of(local, verp.key_of(secret), clock.now())
    except (srs.NotOurs, verp.NotOurs) as error:
        return Refusal(reply="550 5.1.1 There is no such mailbox here", reason=str(error))
    return replace(mail, targets=(), goes_on=True)


def _is_member(sender: str, resolved: Resolved) -> bool:
    members = [*(target.address for target in resolved.targets), *resolved.forwards]
    return bool(address_keys([sender]) & address_keys(members))
