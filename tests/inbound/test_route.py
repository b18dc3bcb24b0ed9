"""route: a judged mail goes to the mailboxes it is meant for, each once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.memory.answers import MemoryAnswers
from connectors.memory.blobs import MemoryBlobs
from connectors.memory.clock import ManualClock
from connectors.memory.deliveries import MemoryDeliveries
from connectors.memory.directory import MemoryDirectory
from connectors.memory.dkim_keys import MemoryDkimKeys
from connectors.memory.mailboxes import MemoryMailboxes
from connectors.memory.personal_spam import MemoryPersonalSpam
from connectors.memory.rules import MemoryRules
from connectors.memory.url_key import MemoryUrlKey
from topologies.events import (
    Authentication,
    Deliver,
    Event,
    MailQuarantined,
    MailScored,
    MailUndeliverable,
    Message,
    RawRef,
    SpamVerdict,
    VirusVerdict,
)
from topologies.inbound.route import route
from topologies.mail import ids
from topologies.ports.directory import User
from topologies.ports.policy import SignPolicy

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAIL_ID = ids.derived_id(AT, "a mail")


async def test_a_copy_holds_all_that_is_known() -> None:
    directory, users = await furnished()
    mail = scored("bo+lists@shop.example")
    [copy] = await routed(mail, directory)
    bo = users["bo"].user_id
    assert copy == Deliver(
        user_id=bo,
        command_id=ids.command_id("deliver", MAIL_ID, bo),
        issued_at=AT,
        email_id=ids.email_id(MAIL_ID, bo),
        mail_id=MAIL_ID,
        folder_id="inbox",
        message=mail.message,
        raw_ref=mail.raw_ref,
        received_at=AT,
        mail_from="ann@elsewhere.example",
        recipient="bo+lists@shop.example",
        tag="lists",
        authentication=mail.authentication,
        spam=mail.spam,
    )


@pytest.mark.parametrize(
    ("recipients", "copies"),
    [
        pytest.param(["bo@shop.example"], ["bo"], id="one"),
        pytest.param(["bo@shop.example", "zoe@shop.example"], ["bo", "zoe"], id="two"),
        pytest.param(["bo@shop.example", "BO@shop.example"], ["bo"], id="one by two spellings"),
        pytest.param(["bo@shop.example", "bo+x@shop.example"], ["bo"], id="one by a tag too"),
        pytest.param(["all@shop.example", "bo@shop.example"], ["bo", "zoe"], id="by an alias too"),
        pytest.param(["bo@shop.example", "bo@shop.example"], ["bo"], id="one said twice"),
        pytest.param(["ring@shop.example"], ["bo"], id="by aliases in a loop"),
    ],
)
async def test_each_user_gets_one_copy(recipients: list[str], copies: list[str]) -> None:
    directory, users = await furnished()
    events = await routed(scored(*recipients), directory)
    names = {user.user_id: name for name, user in users.items()}
    assert sorted(names[copy.user_id] for copy in deliveries(events)) == copies
    assert len(events) == len(copies)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, ("inbox", False, ""), id="plain mail"),
        pytest.param(
            {"spam": SpamVerdict(probability=0.99, is_spam=True)}, ("spam", False, ""), id="spam"
        ),
        pytest.param({"origin": "import"}, ("inbox", True, ""), id="what is imported was read"),
        pytest.param({"origin": "local"}, ("inbox", False, ""), id="a colleague's mail is new"),
        pytest.param(
            {"virus": VirusVerdict(result="unscannable", name="encrypted", part="a.zip")},
            ("inbox", False, "could not be scanned for viruses: encrypted in a.zip"),
            id="what could not be scanned says so",
        ),
        pytest.param(
            {"virus": VirusVerdict(result="unscannable")},
            ("inbox", False, "could not be scanned for viruses"),
            id="even if nobody knows why",
        ),
    ],
)
async def test_the_verdicts_choose_folder_state_and_note(
    changes: dict[str, Any], expected: tuple[str, bool, str]
) -> None:
    directory, _ = await furnished()
    [copy] = deliveries(await routed(scored("bo@shop.example", **changes), directory))
    assert (copy.folder_id, copy.is_read, copy.note) == expected


async def test_an_infected_mail_goes_to_the_quarantine_alone() -> None:
    directory, _ = await furnished()
    virus = VirusVerdict(result="infected", name="Eicar", part="invoice.exe")
    recipients = ("bo@shop.example", "gone@shop.example")
    copy, fact = await routed(scored(*recipients, virus=virus), directory)
    assert isinstance(copy, Deliver)
    assert (copy.user_id, copy.folder_id, copy.is_read) == ("quarantine", "inbox", False)
    assert copy.note == "infected: Eicar in invoice.exe"
    assert copy.email_id == ids.email_id(MAIL_ID, "quarantine")
    assert fact == MailQuarantined(
        mail_id=MAIL_ID, quarantined_at=AT, recipients=recipients, virus=virus
    )


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        ("gone@shop.example", "there is no such mailbox here any more"),
        ("bo@elsewhere.example", "its domain is none of ours any more"),
        ("bo", "it is no valid address"),
    ],
)
async def test_who_can_not_be_reached_is_told_and_the_others_get_it(
    recipient: str, reason: str
) -> None:
    directory, users = await furnished()
    events = await routed(scored(recipient, "bo@shop.example"), directory)
    assert [copy.user_id for copy in deliveries(events)] == [users["bo"].user_id]
    assert [e for e in events if isinstance(e, MailUndeliverable)] == [
        MailUndeliverable(mail_id=MAIL_ID, recipient=recipient, reason=reason)
    ]


async def test_a_replay_after_changes_in_the_directory_derives_the_same_ids() -> None:
    directory, users = await furnished()
    mail = scored("all@shop.example")
    before = deliveries(await routed(mail, directory))
    await directory.delete_user(users["bo"].user_id)
    after = deliveries(await routed(mail, directory))
    assert after == [copy for copy in before if copy.user_id == users["zoe"].user_id]


async def test_a_mail_to_a_thousand_is_a_thousand_commands() -> None:
    directory, _ = await furnished()
    names = [f"u{n}@shop.example" for n in range(999)]
    for name in names:
        await directory.add_user(name, "secret")
    await directory.add_alias("everybody@shop.example", names)
    copies = deliveries(await routed(scored("everybody@shop.example"), directory))
    assert len({copy.user_id for copy in copies}) == 999
    assert len({copy.email_id for copy in copies}) == 999
    assert len({copy.command_id for copy in copies}) == 999


@given(
    recipients=st.lists(
        st.sampled_from(
            [
                "bo@shop.example",
                "Bo+a@shop.example",
                "zoe@shop.example",
                "all@shop.example",
                "ring@shop.example",
                "gone@shop.example",
                "x@elsewhere.example",
                "nonsense",
            ]
        ),
        min_size=1,
        max_size=12,
    )
)
async def test_nobody_is_served_twice_and_nobody_forgotten(recipients: list[str]) -> None:
    directory, _ = await furnished()
    mail = scored(*recipients)
    events = await routed(mail, directory)
    served = [copy.user_id for copy in deliveries(events)]
    assert len(served) == len(set(served))
    lost = {e.recipient for e in events if isinstance(e, MailUndeliverable)}
    for recipient in recipients:
        targets = (await directory.resolve(recipient)).targets
        assert {t.user_id for t in targets} <= set(served)
        assert (recipient in lost) == (not targets)
    assert await routed(mail, directory) == events
    assert [msgspec.json.decode(msgspec.json.encode(e), type=type(e)) for e in events] == events


# --- builders -----------------------------------------------------------------------


def scored(*recipients: str, **changes: Any) -> MailScored:
    mail = MailScored(
        mail_id=MAIL_ID,
        received_at=AT,
        origin="smtp",
        mail_from="ann@elsewhere.example",
        recipients=recipients,
        size_bytes=1_234,
        raw=b"Subject: hello\r\n\r\nhello\r\n",
        message=Message(subject="hello", text="hello"),
        raw_ref=RawRef(blob="0" * 64, kind="whole", size_bytes=1_234),
        authentication=Authentication(spf="pass"),
        virus=VirusVerdict(result="clean"),
        spam=SpamVerdict(probability=0.01, is_spam=False),
    )
    return msgspec.structs.replace(mail, **changes)


async def furnished() -> tuple[MemoryDirectory, dict[str, User]]:
    directory = MemoryDirectory(ManualClock())
    await directory.add_domain("shop.example")
    users = {n: await directory.add_user(f"{n}@shop.example", "secret") for n in ("bo", "zoe")}
    await directory.add_alias("all@shop.example", ["bo@shop.example", "zoe@shop.example"])
    await directory.add_alias("ring@shop.example", ["ring@shop.example", "bo@shop.example"])
    return directory, users


async def routed(mail: MailScored, directory: MemoryDirectory) -> Sequence[Event]:
    """Route *mail* where nobody has rules."""
    clock = ManualClock(AT)
    return await route(
        mail,
        directory=directory,
        mailboxes=MemoryMailboxes(clock),
        blobs=MemoryBlobs(),
        rules=MemoryRules(),
        learnt=MemoryPersonalSpam(),
        answers=MemoryAnswers(),
        deliveries=MemoryDeliveries(),
        keys=MemoryDkimKeys(),
        url_key=MemoryUrlKey(),
        policy=SignPolicy(hostname="mx.shop.example"),
    )


def deliveries(events: Sequence[Event]) -> list[Deliver]:
    return [event for event in events if isinstance(event, Deliver)]
