"""vet: what users send is looked at, and who sends bad things may send less."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from connectors.memory.blobs import MemoryBlobs
from connectors.memory.clock import ManualClock
from connectors.memory.reputations import MemoryReputations
from connectors.memory.restraints import MemoryRestraints
from tests.services import OneWord
from topologies.events import (
    Event,
    Finding,
    MailSubmitted,
    MailVetted,
    SenderJudged,
    VetVerdict,
    VirusVerdict,
)
from topologies.events.webhook import SenderRestrained
from topologies.mail import compose, ids
from topologies.outbound.vet import vet
from topologies.ports.policy import MalwarePolicy, VetPolicy
from topologies.ports.restraints import Restraint

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD = b"From: bo@shop.example\r\nSubject: lunch\r\n\r\nat one?\r\n"
SPAM = b"From: bo@shop.example\r\nSubject: lottery\r\n\r\nlottery lottery\r\n"


async def test_a_mail_without_fault_may_go_out() -> None:
    desk = Desk()
    vetted, judged = await desk.vet(GOOD)
    assert isinstance(vetted, MailVetted)
    assert vetted.vetted == VetVerdict()
    assert msgspec.structs.asdict(vetted) == {
        **msgspec.structs.asdict(submitted(GOOD)),
        "vetted": VetVerdict(),
    }
    assert judged == SenderJudged(
        sender="user:user-1", mail_id=vetted.mail_id, judged_at=AT, is_bad=False
    )


async def test_what_is_surely_spam_is_refused() -> None:
    vetted, judged = await Desk().vet(SPAM)
    assert isinstance(vetted, MailVetted)
    assert isinstance(judged, SenderJudged)
    assert (vetted.vetted.result, vetted.vetted.kind, judged.is_bad) == ("refused", "spam", True)


async def test_malware_is_refused_however_it_is_encoded() -> None:
    draft = compose.Draft(
        message_id="1@shop.example",
        date=AT,
        sender=compose.Address(address="bo@shop.example"),
        text="see",
        files=[compose.File(name="x.bin", content_type="a/b", content=b"EVIL\0")],
    )
    for raw, where in ((compose.compose(draft), " in x.bin"), (GOOD + b"EVIL\0", "")):
        vetted, judged = await Desk().vet(raw)
        assert isinstance(vetted, MailVetted)
        assert vetted.vetted == VetVerdict(
            result="refused", kind="virus", reason=f"infected: Evil{where}"
        )
        assert isinstance(judged, SenderJudged)
        assert judged.is_bad


async def test_a_program_is_refused_as_it_would_be_coming_in_but_counts_against_nobody() -> None:
    vetted, judged = await Desk().vet(GOOD + b"TOOL\0")
    assert isinstance(vetted, MailVetted)
    assert isinstance(judged, SenderJudged)
    assert (vetted.vetted.reason, judged.is_bad) == ("holds a program: Tool", False)


async def test_who_sends_bad_mail_is_throttled_for_a_day_and_then_suspended() -> None:
    desk = Desk()
    kinds: list[Restraint | None] = []
    for _ in range(5):
        await desk.vet(SPAM)
        kinds.append(await desk.restraints.of("user-1"))
    assert [each.kind if each else "" for each in kinds] == [
        *("", "throttled", "throttled"),
        *("suspended", "suspended"),
    ]
    desk.clock.move(timedelta(days=2))
    held = await desk.restraints.of("user-1")
    assert held is not None
    assert (held.kind, held.until) == ("suspended", None)


async def test_that_its_sender_may_send_less_is_told_with_the_mail_that_was_one_too_many() -> None:
    desk = Desk()
    written = [await desk.vet(SPAM) for _ in range(4)]
    told = [[e for e in events if isinstance(e, SenderRestrained)] for events in written]
    assert [len(each) for each in told] == [0, 1, 1, 1]
    assert [each[0].kind for each in told[1:]] == ["throttled", "throttled", "suspended"]
    [first], [last] = told[1], told[3]
    assert (first.bad_mails, first.until) == (2, AT + timedelta(days=1))
    assert (last.bad_mails, last.until, last.user_id) == (4, None, "user-1")
    assert first.mail_id == submitted(SPAM).mail_id


async def test_a_replay_comes_to_the_same() -> None:
    desk = Desk()
    assert await desk.vet(SPAM, counts=False) == await desk.vet(SPAM, counts=False)


# --- builders -----------------------------------------------------------------------


class Evil:
    """A scanner that knows one piece of malware."""

    async def scan(self, content: bytes, *, file_name: str = "") -> VirusVerdict:
        if b"EVIL\0" in content:
            return VirusVerdict(result="infected", name="Evil")
        if b"TOOL\0" in content:
            return VirusVerdict(
                result="clean", findings=(Finding(kind="executable", name="Tool", part=""),)
            )
        return VirusVerdict(result="clean")


class Desk:
    def __init__(self) -> None:
        self.clock = ManualClock(AT)
        self.reputations = MemoryReputations(self.clock)
        self.restraints = MemoryRestraints(self.clock)
        self.blobs = MemoryBlobs()

    async def vet(self, raw: bytes, *, counts: bool = True) -> Sequence[Event]:
        events = await vet(
            submitted(raw),
            antivirus=Evil(),
            blobs=self.blobs,
            classifier=OneWord(),
            reputations=self.reputations,
            restraints=self.restraints,
            policy=VetPolicy(spam_threshold=0.9, bad_mails_throttle=2, bad_mails_suspend=4),
            on_malware=MalwarePolicy(),
        )
        for event in events:
            if counts and isinstance(event, SenderJudged):
                await self.reputations.count(event)
        return events


def submitted(raw: bytes, **changes: Any) -> MailSubmitted:
    mail = MailSubmitted(
        mail_id=ids.derived_id(AT, "a mail"),
        submitted_at=AT,
        user_id="user-1",
        mail_from="bo@shop.example",
        recipients=("zoe@far.example",),
        size_bytes=len(raw),
        raw=raw,
    )
    return msgspec.structs.replace(mail, **changes)
