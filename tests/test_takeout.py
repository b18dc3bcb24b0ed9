"""Takeout: whatever any store keeps of a user is in it, and no secret is."""

import importlib
import inspect
import io
import json
import pkgutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import count
from typing import Any, Protocol, get_type_hints

import pytest

from tests.mailbox.test_erase import STORES, House, a_mail_for_later
from tests.services import AT, DOMAIN
from topologies import ports
from topologies.erasure import Keepers, remains
from topologies.events import CreateFolder, CreateLabel, DeleteEmails, LabelEmails
from topologies.mail import ids
from topologies.mail.holding import decide
from topologies.mail.mbox import messages
from topologies.mailbox.erase import erase
from topologies.ports.directory import Directory
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.request_keys import RequestKeys
from topologies.ports.search import Search
from topologies.takeout import takeout
from topologies.takeout_documents import DOCUMENTS, Holdings

# Ports that are asked with a user, and keep nothing of theirs that outlasts days, or nothing
# that is not in another: see "Leaving nothing behind" in docs/in-and-out.md.
OTHERS = {
    "Answers": "whom a user's rules answered, as hashes, until they may be answered again",
    "Generations": "the mailboxes again, for whoever makes them anew",
    "Notices": "who listens at the moment",
    "RequestKeys": "hashes of requests, for days",
    "Search": "made of the mail",
    "Sessions": "those of the directory",
}

# What the furnished house shows of each store.
SHOWN: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "directory": lambda held: (
        held["account.json"]["address"],
        held["sessions.json"][0]["client"],
        held["aliases.json"],
    ),
    "mailboxes": lambda held: (
        [each["name"] for each in held["folders.json"]][-2:],
        [each["name"] for each in held["labels.json"]],
    ),
    "rules": lambda held: held["rules.json"]["away"]["text"],
    "contacts": lambda held: [each["address"] for each in held["contacts.json"]],
    "snoozes": lambda held: [each["snooze_id"] for each in held["put_off.json"]],
    "scheduled": lambda held: [each["recipients"] for each in held["scheduled.json"]],
    "personal_spam": lambda held: (held["learnt.json"]["reports"], held["learnt.json"]["weights"]),
    "app_passwords": lambda held: [each["name"] for each in held["app_passwords.json"]],
    "second_factors": lambda held: held["second_factor.json"]["recovery_codes_left"],
    "restraints": lambda held: [each["reason"] for each in held["restraints.json"]],
    "suppressions": lambda held: len(held["suppressions.json"]),
    "webhooks": lambda held: [each["url"] for each in held["webhooks.json"]],
    "push_subscriptions": lambda held: [each["host"] for each in held["push_subscriptions.json"]],
    "unsubscribes": lambda held: [each["to"] for each in held["unsubscribed.json"]],
}
EXPECTED: Mapping[str, object] = {
    "directory": (f"bo@{DOMAIN}", "a test", [f"all@{DOMAIN}", f"also-bo@{DOMAIN}"]),
    "mailboxes": (["Work", "Within"], ["Red"]),
    "rules": "away",
    "contacts": ["cy@far.example"],
    "snoozes": ["2"],
    "scheduled": [["zoe@far.example"]],
    "personal_spam": (1, {"1": 1}),
    "app_passwords": ["phone"],
    "second_factors": 1,
    "restraints": ["too much"],
    "suppressions": 3,
    "webhooks": ["https://far.example/"],
    "push_subscriptions": ["push.example"],
    "unsubscribes": ["far.example"],
}


def test_every_port_that_keeps_something_by_user_is_erased_and_taken_along() -> None:
    kept = {port.__name__ for port in STORES.values()}
    assert {port.__name__ for port in ports_by_user()} == kept | OTHERS.keys()


def test_what_is_erased_is_proved_and_taken_along() -> None:
    hints = inspect.signature(erase, eval_str=True).parameters
    erased = {each.annotation for name, each in hints.items() if name != "user"}
    proved = set(STORES.values())
    # The stage `store` empties mailboxes, and then `index` the search.
    assert proved - erased == {Mailboxes, Search}
    assert erased <= proved
    assert DOCUMENTS.keys() == STORES.keys() - {"search"}


@pytest.mark.parametrize("store", [*DOCUMENTS])
async def test_what_a_store_holds_of_a_user_is_in_the_file(store: str) -> None:
    house = await furnished()
    assert SHOWN[store](documents(await taken(house, "bo"))) == EXPECTED[store]


async def test_what_was_deleted_and_can_be_restored_is_there_apart_from_the_mail() -> None:
    house = await furnished()
    held = await taken(house, "bo")
    [deleted] = messages(io.BytesIO(held["deleted/Deleted.mbox"]), 10**6)
    assert deleted.raw == b"Subject: 1\r\n\r\ntext\r\n"
    assert deleted.filing is not None
    assert (deleted.filing.folder, deleted.filing.labels) == ("Inbox", ("Red",))
    mail = {name: content for name, content in held.items() if name.startswith("mail/")}
    assert sorted(mail) == ["mail/Inbox.mbox", "mail/Work.mbox"]
    assert not any(b"Subject: 1" in content for content in mail.values())


async def test_what_is_to_be_sent_later_is_there_whole_and_what_was_decided_is_not() -> None:
    house = await furnished()
    waits = a_mail_for_later(house.users["bo"].user_id)
    email_id = ids.email_id(waits.mail_id, waits.user_id)
    held = await taken(house, "bo")
    assert held[f"scheduled/{email_id}.eml"] == waits.raw
    keys: RequestKeys = house.services[RequestKeys]
    await decide(keys, waits.user_id, waits.mail_id, waits.due_at, "send")
    held = await taken(house, "bo")
    assert not any(name.startswith("scheduled/") for name in held)
    assert documents(held)["scheduled.json"] == []


async def test_of_the_mail_alone_nothing_deleted_is_a_part() -> None:
    house = await furnished()
    assert all(name.startswith("mail/") for name in await taken(house, "bo", mail_only=True))


async def test_no_secret_is_in_it() -> None:
    house = await furnished()
    for name, content in (await taken(house, "bo")).items():
        for secret in (b"secret", b"code", b"https://push.example/1"):
            shown = content.replace(b"recovery_codes_left", b"")
            assert name.endswith(".txt") or secret not in shown, name


async def test_of_who_was_erased_nothing_is_left_to_take() -> None:
    house = await furnished()
    await house.driver.pipe(house.deleted)
    stores = {name: house.services[port] for name, port in STORES.items()}
    left = await remains(house.users["bo"].user_id, Keepers(**stores))
    assert set(left.values()) == {0}
    held = await taken(house, "bo")
    found = documents({name: each for name, each in held.items() if name != "account.json"})
    told = {"folders.json", "rules.json", "second_factor.json", "learnt.json"}  # even of nothing
    assert {name for name, each in found.items() if each} == told
    assert not any(name.endswith(".mbox") for name in held)


# --- builders -----------------------------------------------------------------------


def ports_by_user() -> set[type]:
    """Return the ports of which a method is told whose something is."""
    found: set[type] = set()
    for module in pkgutil.iter_modules(ports.__path__):
        for _, port in inspect.getmembers(
            importlib.import_module(f"{ports.__name__}.{module.name}")
        ):
            if not inspect.isclass(port) or Protocol not in port.__mro__[:-1]:
                continue
            methods = inspect.getmembers(port, inspect.isfunction)
            told = {first_of(method) for name, method in methods if not name.startswith("_")}
            if told & {"user_id", "owner"}:
                found.add(port)
    return found


def first_of(method: Callable[..., object]) -> str:
    return next(iter([*inspect.signature(method).parameters][1:]), "")


async def furnished() -> House:
    """A house in which bo has something in every store, in a mailbox with all there can be."""
    house = await House.made()
    user_id = house.users["bo"].user_id
    second = ids.email_id(mail_id(house, 1), user_id)
    work, label = ids.derived_id(AT, "work"), ids.derived_id(AT, "red")
    stamps: Iterator[dict[str, Any]] = (
        {"user_id": user_id, "issued_at": AT, "command_id": f"t{number}"} for number in count()
    )
    await house.services[Directory].add_alias(f"also-bo@{DOMAIN}", [f"bo@{DOMAIN}"])
    await house.driver.pipe(
        CreateFolder(**next(stamps), folder_id="within", name="Within", parent_id=work),
        CreateLabel(**next(stamps), label_id=label, name="Red"),
        LabelEmails(**next(stamps), email_ids=(second,), added=(label,)),
        DeleteEmails(**next(stamps), email_ids=(second,), permanent=True, is_restorable=True),
    )
    return house


def mail_id(house: House, number: int) -> str:
    at = AT + timedelta(seconds=number)
    return ids.derived_id(at, "bo", b"Subject: %d\r\n\r\ntext\r\n" % number)


async def taken(house: House, name: str, *, mail_only: bool = False) -> dict[str, bytes]:
    """Return the members of the file, by name."""
    ports_of = get_type_hints(Holdings).items()
    holdings = Holdings(**{each: house.services[port] for each, port in ports_of})
    pieces = [each async for each in takeout(house.users[name], holdings, mail_only=mail_only)]
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as file:
        assert file.testzip() is None
        return {each: file.read(each) for each in file.namelist()}


def documents(held: Mapping[str, bytes]) -> dict[str, Any]:
    return {name: json.loads(each) for name, each in held.items() if name.endswith(".json")}
