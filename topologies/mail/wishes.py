"""What a sender wishes to be told (RFC 3461), of some of a mail's recipients. Pure."""

from collections.abc import Collection

import msgspec

from topologies.events import DeliveryWishes


def wishes_for(wishes: DeliveryWishes | None, recipients: Collection[str]) -> DeliveryWishes | None:
    """Return *wishes* as far as they are about *recipients*."""
    if wishes is None:
        return None
    theirs = tuple(wish for wish in wishes.recipients if wish.recipient in recipients)
    return msgspec.structs.replace(wishes, recipients=theirs)
