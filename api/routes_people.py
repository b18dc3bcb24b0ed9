"""The endpoints about the people one writes to and hears from."""

from api import blocking, contacts, reminding, scheduled, snoozing, unsubscribing
from api.endpoint import Endpoint
from api.shapes import StretchQuery
from api.shapes_blocking import BlockedIn, BlockedOut, BlockedSendersOut
from api.shapes_contacts import ContactIn, ContactOut, ContactsOut, ContactsQuery
from api.shapes_reminding import ReminderIn, ReminderOut, RemindersOut
from api.shapes_scheduled import ScheduledMailsOut
from api.shapes_sending import Pending
from api.shapes_snoozing import SnoozedMailsOut, SnoozedOut, SnoozeIn
from api.shapes_unsubscribing import UnsubscribeOut

PEOPLE_ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/contacts",
        handler=contacts.list_contacts,
        summary="Whom one wrote to, by the beginning of a name or address",
        query=ContactsQuery,
        answers={200: ContactsOut},
        problems=(400,),
    ),
    Endpoint(
        method="PUT",
        path="/contacts/{address}",
        holds_slashes=True,
        handler=contacts.rename,
        summary="Call a contact by another name",
        body=ContactIn,
        answers={200: ContactOut},
        problems=(400, 404, 413, 415, 422),
    ),
    Endpoint(
        method="DELETE",
        path="/contacts/{address}",
        holds_slashes=True,
        handler=contacts.remove,
        summary="Forget a contact until they are written to again",
        answers={204: None},
        problems=(404,),
    ),
    Endpoint(
        method="GET",
        path="/settings/blocked",
        handler=blocking.list_blocked,
        summary="Senders whose mail one does not want to see",
        query=StretchQuery,
        answers={200: BlockedSendersOut},
        problems=(400,),
    ),
    Endpoint(
        method="POST",
        path="/settings/blocked",
        handler=blocking.block,
        summary="Block a sender or a domain; again: let their mail go elsewhere",
        body=BlockedIn,
        answers={201: BlockedOut},
        problems=(400, 413, 415, 422, 507),
    ),
    Endpoint(
        method="DELETE",
        path="/settings/blocked/{target}",
        holds_slashes=True,
        handler=blocking.unblock,
        summary="Let a sender's mail come as everybody's again",
        answers={204: None},
        problems=(404, 507),
    ),
    Endpoint(
        method="GET",
        path="/emails/{email_id}/unsubscribe",
        handler=unsubscribing.read,
        summary="Whether one can unsubscribe from mail like this, and what came of it",
        answers={200: UnsubscribeOut},
        problems=(404,),
    ),
    Endpoint(
        method="POST",
        path="/emails/{email_id}/unsubscribe",
        handler=unsubscribing.ask,
        summary="Unsubscribe: by one click (RFC 8058), or by a mail where that alone is offered",
        scope="send",
        answers={200: UnsubscribeOut, 202: UnsubscribeOut},
        problems=(403, 404, 409, 413, 422, 429, 507),
    ),
    Endpoint(
        method="GET",
        path="/snoozed",
        handler=snoozing.list_snoozed,
        summary="Mails that are put off, and until when",
        query=StretchQuery,
        answers={200: SnoozedMailsOut},
        problems=(400,),
    ),
    Endpoint(
        method="GET",
        path="/emails/{email_id}/snooze",
        handler=snoozing.read,
        summary="Until when a mail is put off",
        answers={200: SnoozedOut},
        problems=(404,),
    ),
    Endpoint(
        method="POST",
        path="/emails/{email_id}/snooze",
        handler=snoozing.snooze,
        summary="Put a mail off: it comes back on top of the inbox at its time, unread",
        body=SnoozeIn,
        answers={200: SnoozedOut, 202: Pending},
        problems=(400, 404, 409, 413, 415, 422, 507),
    ),
    Endpoint(
        method="DELETE",
        path="/emails/{email_id}/snooze",
        handler=snoozing.cancel,
        summary="Put it back to where it lay",
        answers={202: Pending, 204: None},
        problems=(404, 507),
    ),
    Endpoint(
        method="GET",
        path="/scheduled",
        handler=scheduled.list_scheduled,
        summary="Mails that are to be sent later, and when",
        query=StretchQuery,
        answers={200: ScheduledMailsOut},
        problems=(400,),
    ),
    Endpoint(
        method="GET",
        path="/reminders",
        handler=reminding.list_reminders,
        summary="Mails that were sent and wait for an answer, and when one is reminded",
        query=StretchQuery,
        answers={200: RemindersOut},
        problems=(400,),
    ),
    Endpoint(
        method="GET",
        path="/emails/{email_id}/reminder",
        handler=reminding.read,
        summary="When one is reminded of a mail that was sent",
        answers={200: ReminderOut},
        problems=(404,),
    ),
    Endpoint(
        method="POST",
        path="/emails/{email_id}/reminder",
        handler=reminding.remind,
        summary="Be reminded of a mail that was sent, on top of the inbox, if nobody answers it",
        body=ReminderIn,
        answers={200: ReminderOut},
        problems=(400, 404, 409, 413, 415, 422, 507),
    ),
    Endpoint(
        method="DELETE",
        path="/emails/{email_id}/reminder",
        handler=reminding.cancel,
        summary="Be reminded no more",
        answers={204: None},
        problems=(404,),
    ),
)
