"""Contacts: whom the user wrote to, for completion; a better name for one, and one less."""

from starlette.responses import Response

from api.endpoint import Call, json_answer
from api.listing import Place, stretch
from api.problems import not_found
from api.shapes_contacts import ContactIn, ContactOut, ContactsOut, ContactsQuery
from topologies.mail import contact_book
from topologies.ports.contacts import MOST_CONTACTS, Contact

NO_CONTACT = "you did not write to this address, or removed it"


async def list_contacts(call: Call) -> Response:
    """Answer whom what is typed may mean."""
    asked: ContactsQuery = call.query(ContactsQuery)
    found = await call.context.contacts.find(call.user_id, asked.q, limit=MOST_CONTACTS)
    part = stretch(found, asked, _place, is_downward=True)
    return json_answer(ContactsOut(contacts=tuple(map(_told, part.items)), **part.told))


async def rename(call: Call) -> Response:
    """Call a contact by another name."""
    given: ContactIn = await call.body(ContactIn)
    name = contact_book.name_of(given.name)
    renamed = await call.context.contacts.rename(call.user_id, _key(call), name)
    if renamed is None:
        raise not_found(NO_CONTACT)
    return json_answer(_told(renamed))


async def remove(call: Call) -> Response:
    """Forget a contact until they are written to again."""
    if not await call.context.contacts.remove(call.user_id, _key(call)):
        raise not_found(NO_CONTACT)
    return Response(status_code=204)


def _place(contact: Contact) -> Place:
    return contact_book.worth(contact), contact.key


def _key(call: Call) -> str:
    try:
        return contact_book.key_of(call.path["address"])
    except ValueError:
        raise not_found(NO_CONTACT) from None


def _told(contact: Contact) -> ContactOut:
    return ContactOut(
        address=contact.address,
        name=contact.shown_name,
        use_count=contact.uses,
        last_used_at=contact.used_at,
    )
