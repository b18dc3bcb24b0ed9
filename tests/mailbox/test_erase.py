"""Whoever is deleted leaves nothing behind, in any store, whatever happens on the way."""

from datetime import timedelta
from typing import Any, get_type_hints

import pytest

from connectors.memory.contacts import MemoryContacts
from connectors.memory.suppressions import MemorySuppressions
from tests.services import AT, DOMAIN, in_memory
from topologies.erasure import Keepers, remains
from topologies.errors import Retryable
from topologies.events import (
    CreateFolder,
    EraseMailbox,
    Event,
    MailHeld,
    MailReceived,
    MoveEmails,
    UserDeleted,
)
from topologies.mail import ids
from topologies.mailbox.erase import erase
from topologies.ports.app_passwords import AppPasswords
from topologies.ports.contacts import Contact, Contacts
from topologies.ports.directory import Directory, User
from topologies.ports.personal_spam import Learnt, PersonalSpam
from topologies.ports.push_subscriptions import PushSubscription, PushSubscriptions
from topologies.ports.restraints import Restraint, Restraints
from topologies.ports.rules import AwayNotice, Rules, UserRules
from topologies.ports.scheduled import Scheduled
from topologies.ports.second_factors import SecondFactors
from topologies.ports.snoozes import Snooze, Snoozes
from topologies.ports.suppressions import Suppression, Suppressions
from topologies.ports.unsubscribes import Unsubscribe, Unsubscribes
from topologies.ports.webhooks import Webhook, Webhooks
from topologies.testing import Driver, run_twice

STORES: dict[str, type] = get_type_hints(Keepers)


async def test_no_store_holds_anything_of_a_user_who_was_deleted() -> None:
    house = await House.made()
    assert all((await house.left("bo")).values())
    await house.driver.pipe(house.deleted)
    assert set((await house.left("bo")).values()) == {0}
    assert house.driver.dead_letters("mailbox") == []


async def test_others_keep_what_is_theirs() -> None:
    house = await House.made()
    before = await house.left("ann")
    await house.driver.pipe(house.deleted)
    assert await house.left("ann") == before


async def test_a_replay_changes_nothing_and_mail_that_is_on_its_way_goes_nowhere() -> None:
    house = await House.made()
    await house.driver.pipe(house.deleted)
    await house.driver.pipe(house.deleted, *house.mails("bo"))
    assert set((await house.left("bo")).values()) == {0}


@pytest.mark.parametrize("store", [Rules, Contacts, PersonalSpam, Suppressions, Webhooks])
async def test_what_could_not_be_reached_is_erased_when_it_is_back(store: type) -> None:
    house = await House.made()
    answer = house.services[store]
    house.services[store] = Away()
    with pytest.raises(Retryable):
        await house.erase()
    house.services[store] = answer
    [command] = await run_twice(erase, house.deleted, house.services)
    assert isinstance(command, EraseMailbox)
    await house.driver.pipe(command)
    assert set((await house.left("bo")).values()) == {0}


# --- builders -----------------------------------------------------------------------


def a_mail_for_later(user_id: str) -> MailHeld:
    return MailHeld(
        mail_id=ids.derived_id(AT, "for later", user_id),
        submitted_at=AT,
        due_at=AT + timedelta(days=2),
        user_id=user_id,
        mail_from=f"bo@{DOMAIN}",
        recipients=("zoe@far.example",),
        size_bytes=18,
        raw=b"Subject: Later\r\n\r\n",
    )


def a_wish(user_id: str) -> Unsubscribe:
    return Unsubscribe(
        user_id=user_id, email_id="1", way="one-click", to="far.example", asked_at=AT
    )


class Away:
    """A store that is out of reach."""

    def __getattr__(self, name: str) -> Any:
        raise Retryable(f"{name}: away")


class House:
    """A deployment in which ann and bo have something in every store."""

    services: dict[type, Any]
    driver: Driver
    users: dict[str, User]

    @classmethod
    async def made(cls) -> "House":
        house = cls()
        house.services = await in_memory()
        house.driver = Driver(house.services)
        house.users = {}
        for name in ("ann", "bo"):
            user = await house.services[Directory].user_by_address(f"{name}@{DOMAIN}")
            assert user is not None
            house.users[name] = user
            await house.furnish(user)
            await house.driver.pipe(*house.mails(name))
            await house.driver.pipe(*house.tidied(name))
        return house

    @property
    def deleted(self) -> UserDeleted:
        return UserDeleted(user_id=self.users["bo"].user_id, deleted_at=AT)

    async def left(self, name: str) -> dict[str, int]:
        answers = {field: self.services[port] for field, port in STORES.items()}
        return dict(await remains(self.users[name].user_id, Keepers(**answers)))

    async def erase(self) -> None:
        ports = {
            "app_passwords": AppPasswords,
            "contacts": Contacts,
            "directory": Directory,
            "learnt": PersonalSpam,
            "push_subscriptions": PushSubscriptions,
            "restraints": Restraints,
            "rules": Rules,
            "second_factors": SecondFactors,
            "scheduled": Scheduled,
            "snoozes": Snoozes,
            "unsubscribes": Unsubscribes,
            "suppressions": Suppressions,
            "webhooks": Webhooks,
        }
        await erase(self.deleted, **{name: self.services[port] for name, port in ports.items()})

    async def furnish(self, user: User) -> None:
        services, user_id = self.services, user.user_id
        await services[Directory].sessions.begin(
            user_id, frozenset({"read"}), client="a test", access=timedelta(hours=1)
        )
        await services[Rules].write(user_id, UserRules(away=AwayNotice(is_on=True, text="away")))
        contacts: MemoryContacts = services[Contacts]
        somebody = Contact(key="cy@far.example", address="cy@far.example", used_at=AT)
        await contacts.learn(user_id, 1, [somebody])
        await services[PersonalSpam].keep(user_id, Learnt(seq=1, reports=1, weights={1: 1}))
        await services[Snoozes].put(
            Snooze(user_id=user_id, email_id="1", snooze_id="2", until=AT, folder_id="inbox")
        )
        await services[Scheduled].put(a_mail_for_later(user_id))
        await services[Unsubscribes].ask(a_wish(user_id))
        await services[AppPasswords].add(user_id, "phone", AT)
        await services[SecondFactors].propose(user_id, b"secret", [b"code"], AT)
        await services[Restraints].put(
            Restraint(user_id=user_id, kind="throttled", since=AT, reason="too much")
        )
        suppressions: MemorySuppressions = services[Suppressions]
        for number in range(3):
            await suppressions.add(
                Suppression(
                    owner=user_id, target=f"{number}@far.example", reason="bounce", since=AT
                )
            )
        await services[PushSubscriptions].put(
            PushSubscription(
                subscription_id="browser",
                user_id=user_id,
                endpoint="https://push.example/1",
                public_key=b"",
                auth=b"",
                created_at=AT,
            )
        )
        await services[Webhooks].add(
            Webhook(
                webhook_id=ids.derived_id(AT, user_id),
                owner=user_id,
                url="https://far.example/",
                events=(),
                secrets=(),
                created_at=AT,
                enabled_at=AT,
            )
        )

    def mails(self, name: str) -> list[Event]:
        raws = [b"Subject: %d\r\n\r\ntext\r\n" % number for number in range(3)]
        return [
            MailReceived(
                mail_id=ids.derived_id(AT + timedelta(seconds=number), name, raw),
                received_at=AT + timedelta(seconds=number),
                origin="smtp",
                mail_from="ann@far.example",
                recipients=(f"{name}@{DOMAIN}",),
                size_bytes=len(raw),
                raw=raw,
            )
            for number, raw in enumerate(raws)
        ]

    def tidied(self, name: str) -> list[Event]:
        user_id = self.users[name].user_id
        [first, *_] = self.mails(name)
        assert isinstance(first, MailReceived)
        work = ids.derived_id(AT, "work")
        stamp: dict[str, Any] = {"user_id": user_id, "issued_at": AT}
        return [
            CreateFolder(
                **stamp, command_id=ids.command_id("f", user_id), folder_id=work, name="Work"
            ),
            MoveEmails(
                **stamp,
                command_id=ids.command_id("m", user_id),
                email_ids=(ids.email_id(first.mail_id, user_id),),
                folder_id=work,
            ),
        ]
