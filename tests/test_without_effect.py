"""A run without effect: what stages may ask of their ports, and what is refused to them."""

import inspect
from typing import Protocol

import pytest

from tests.services import AT, in_memory
from topologies.ports.blobs import Blobs
from topologies.ports.contacts import Contact, Contacts
from topologies.topology import build
from topologies.without_effect import EVERYTHING, READING, WithoutEffect, WouldChange, gives_nothing

# What changes something and tells what came of it; ``Blobs`` are kept apart instead.
CHANGING = {
    "Answers": {"claim"},
    "AppPasswords": {"add", "found", "remove"},
    "Contacts": {"remove", "rename"},
    "Deliveries": {"give", "reroute"},
    "Directory": {"sign_in", "session", "add_domain", "remove_domain", "add_domain_alias"}
    | {"remove_domain_alias", "add_user", "change_user", "delete_later", "due", "delete_user"}
    | {"remove_alias"},
    "DkimKeys": {"add", "end", "remove"},
    "DomainReports": {"keep_dmarc", "keep_tls"},
    "Mailboxes": {"erase"},
    "Messenger": {"turn", "post"},
    "Notices": {"listen"},
    "PushSubscriptions": {"remove"},
    "Relay": {"turn", "deliver"},
    "RequestKeys": {"claim"},
    "Restraints": {"lift"},
    "Rules": {"write"},
    "Search": {"set_state"},
    "SecondFactors": {"propose", "turn_on", "use_step", "use_recovery", "remove"},
    "Snoozes": {"remove"},
    "Summaries": {"gather", "close"},
    "Suppressions": {"add", "remove"},
    "Tidings": {"gather", "close"},
    "Unsubscribes": {"ask"},
    "Webhooks": {"put", "remove"},
}


def ports_of_stages() -> list[type]:
    """Return the ports that the stages take, but for blobs."""
    taken = {
        parameter.annotation
        for stage in build().stages
        for parameter in inspect.signature(stage.run, eval_str=True).parameters.values()
        if Protocol in getattr(parameter.annotation, "__mro__", ())
    }
    return sorted(taken - {Blobs}, key=lambda port: port.__name__)


@pytest.mark.parametrize("port", ports_of_stages())
def test_each_method_of_a_port_is_known_to_read_or_to_change(port: type) -> None:
    reading = READING.get(port, frozenset())
    if reading is EVERYTHING:
        return
    methods = {
        name for name, _ in inspect.getmembers(port, inspect.isfunction) if not name.startswith("_")
    }
    telling = {name for name in methods if not gives_nothing(port, name)}
    assert reading <= methods
    assert telling - reading == CHANGING.get(port.__name__, set())


async def test_what_reads_is_answered_what_only_changes_is_left_out_the_rest_refused() -> None:
    services = await in_memory()
    contacts: Contacts = services[Contacts]
    ann = Contact(key="ann@far.example", address="ann@far.example", used_at=AT)
    await contacts.learn("u", 1, [ann])
    tried = WithoutEffect(services)
    quiet: Contacts = tried.services[Contacts]

    assert [each.address for each in await quiet.find("u")] == [ann.address]
    await quiet.erase("u")
    with pytest.raises(WouldChange):
        await quiet.remove("u", ann.key)
    assert tried.refused == ("Contacts.remove",)
    assert [each.address for each in await contacts.find("u")] == [ann.address]
