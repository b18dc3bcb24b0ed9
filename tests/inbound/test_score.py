"""score: a mail is judged by the model, by what is known of its sender, and by nobody twice."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.files.spam_model import load_spam_model
from connectors.memory.clock import ManualClock
from connectors.memory.reputations import MemoryReputations
from topologies.engines.handling import Emit, handle
from topologies.events import (
    Address,
    Authentication,
    Event,
    MailScanned,
    MailScored,
    Message,
    RawRef,
    SenderJudged,
    SpamVerdict,
    VirusVerdict,
)
from topologies.inbound.score import score
from topologies.ports.classifier import SpamClassifier
from topologies.ports.policy import ScorePolicy
from topologies.ports.reputations import Reputations
from topologies.stage import declared_by

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


class WordClassifier:
    """Knows what each feature is worth; the rest is worth nothing."""

    model = "words"
    bias = 0.0

    def __init__(self, **worth: float) -> None:
        self._worth = {name.replace("_", ":"): share for name, share in worth.items()}
        self.asked = 0

    def probability(self, features: Sequence[str]) -> float:
        self.asked += 1
        return min(1.0, sum(self._worth.get(f, 0.0) for f in features))

    def judged(self, features: Sequence[str], limit: int = 5) -> tuple[float, tuple[str, ...]]:
        known = sorted((f for f in features if f in self._worth), key=lambda f: -self._worth[f])
        return self.probability(features), tuple(known[:limit])

    def shares(self, features: Sequence[str]) -> Sequence[float]:
        return [self._worth.get(feature, 0.0) for feature in features]


def verdict_of(probability: float, **more: Any) -> SpamVerdict:
    return SpamVerdict(probability=probability, threshold=0.9, model="words", **more)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lunch?", verdict_of(0.0, is_spam=False)),
        (
            "a prize",
            verdict_of(0.5, is_spam=False, reasons=("the text says “prize”",)),
        ),
        (
            "claim your prize",
            verdict_of(
                0.9,
                is_spam=True,
                reasons=("the text says “prize”", "the text says “claim”"),
            ),
        ),
    ],
)
async def test_the_model_judges_and_the_threshold_decides(text: str, expected: SpamVerdict) -> None:
    mail = scanned(message=Message(text=text))
    assert await judged(mail, WordClassifier(w_prize=0.5, w_claim=0.4)) == expected


async def test_the_mail_is_handed_on_with_all_that_was_known() -> None:
    mail = scanned()
    event, *_ = await scored(mail, WordClassifier())
    assert isinstance(event, MailScored)
    kept = {name: getattr(event, name) for name in mail.__struct_fields__}
    assert kept == {name: getattr(mail, name) for name in mail.__struct_fields__}


async def test_the_threshold_is_the_policys() -> None:
    mail = scanned(message=Message(text="a prize"))
    strict = ScorePolicy(spam_threshold=0.5)
    assert (await judged(mail, WordClassifier(w_prize=0.6), strict)).is_spam


@pytest.mark.parametrize(
    ("dmarc", "wish", "expected"),
    [
        ("fail", "reject", True),
        ("fail", "quarantine", True),
        ("fail", "none", False),
        ("fail", "", False),
        ("temperror", "reject", False),
        ("pass", "reject", False),
        ("none", "", False),
    ],
)
async def test_what_a_domain_disowns_is_spam_whatever_stands_in_it(
    dmarc: Any, wish: Any, expected: bool
) -> None:
    known = Authentication(dmarc=dmarc, dmarc_policy=wish)
    verdict = await judged(scanned(authentication=known), WordClassifier())
    assert (verdict.is_spam, verdict.probability) == (expected, 0.0)


async def test_what_is_brought_along_is_not_judged() -> None:
    classifier = WordClassifier(w_prize=1.0)
    known = Authentication(dmarc="fail", dmarc_policy="reject")
    mail = scanned(origin="import", message=Message(text="prize"), authentication=known)
    verdict = await judged(mail, classifier)
    assert (verdict.is_spam, verdict.reasons) == (
        False,
        ("brought along by its owner, so not judged",),
    )
    assert classifier.asked == 0


async def test_no_more_than_five_reasons_are_given() -> None:
    words = "ay be ce de ef ge ha"
    classifier = WordClassifier(**{f"w_{word}": 0.1 for word in words.split()})
    verdict = await judged(scanned(message=Message(text=words)), classifier)
    assert len(verdict.reasons) == 5


async def test_the_shipped_model_tells_phishing_from_a_friend() -> None:
    phishing = scanned(message=PHISHING)
    friendly = scanned(message=FRIENDLY)
    model = load_spam_model()
    assert await judged(phishing, model) != await judged(friendly, model)
    assert (await judged(phishing, model)).is_spam
    assert (await judged(phishing, model)).reasons
    assert not (await judged(friendly, model)).is_spam


async def test_who_is_signed_in_is_trusted_more_than_a_stranger() -> None:
    model = load_spam_model()
    stranger = await judged(scanned(message=PHISHING), model)
    known = Authentication(signed_in=True)
    user = await judged(scanned(message=PHISHING, user_id="u1", authentication=known), model)
    assert user.probability < stranger.probability


async def test_a_mail_judged_again_is_judged_alike() -> None:
    services = {
        SpamClassifier: load_spam_model(),
        ScorePolicy: ScorePolicy(),
        Reputations: MemoryReputations(ManualClock(AT)),
    }
    stage = declared_by(score)
    mail = scanned(message=PHISHING)
    first = await handle(stage, msgspec.json.encode(mail), services)
    assert isinstance(first, Emit)
    assert await handle(stage, mail, services, attempt=2) == first


PROVED = Authentication(dmarc="pass", from_domain="far.example")


async def test_what_a_proved_sender_sent_before_counts_a_little() -> None:
    mail = scanned(message=Message(text="a prize"), authentication=PROVED)
    model = WordClassifier(w_prize=0.8)
    bad = await judged(mail, model, reputations=await after(mails=20, bad=20))
    good = await judged(mail, model, reputations=await after(mails=20, bad=0))
    assert good.probability < 0.8 < bad.probability < 0.96
    assert bad.is_spam
    assert bad.reasons[0] == "much of what its sender sent in the last day was spam"
    assert (await judged(mail, model, reputations=await after(mails=9, bad=9))).probability == 0.8


async def test_a_sender_that_is_not_proved_has_no_reputation() -> None:
    known = Authentication(dmarc="fail", from_domain="far.example")
    mail = scanned(message=Message(text="a prize"), authentication=known)
    verdict = await judged(
        mail, WordClassifier(w_prize=0.8), reputations=await after(mails=20, bad=20)
    )
    assert verdict.probability == 0.8


@pytest.mark.parametrize(
    ("worth", "virus", "is_bad"),
    [(0.5, "clean", False), (0.9, "clean", True), (0.5, "infected", True)],
)
async def test_a_proved_sender_is_known_by_what_stands_in_its_mail(
    worth: float, virus: Any, is_bad: bool
) -> None:
    mail = scanned(
        message=Message(text="a prize"), authentication=PROVED, virus=VirusVerdict(result=virus)
    )
    # A bad reputation does not feed itself.
    reputations = await after(mails=50, bad=50)
    _, event = await scored(mail, WordClassifier(w_prize=worth), reputations=reputations)
    assert event == SenderJudged(sender="far.example", mail_id="m1", judged_at=AT, is_bad=is_bad)


# --- builders -----------------------------------------------------------------------

PHISHING = Message(
    subject="Your account has been limited",
    from_=(Address(address="service@secure-center.example", name="PayBank Service"),),
    text="Dear customer, we noticed unusual activity in your account. Please confirm your "
    "identity within 24 hours or your account will be permanently suspended.\n"
    "http://login.account-verify.example/secure/update",
    html="<p>Dear customer,</p><p>we noticed unusual activity in your account. Please confirm "
    "your identity within 24 hours or your account will be permanently suspended.</p>"
    '<a href="http://login.account-verify.example/secure/update">Restore my account</a>',
)
FRIENDLY = Message(
    subject="Re: hiking on Sunday",
    from_=(Address(address="ann.li@hills.example", name="Ann Li"),),
    text="Hi Bo,\n\n> shall we take the early train?\n\nyes, I'll bring the map and some bread.\n"
    "See you at the station then.\n\nAnn\n",
)


def scanned(**changes: Any) -> MailScanned:
    mail = MailScanned(
        mail_id="m1",
        received_at=AT,
        origin="smtp",
        mail_from="ann@elsewhere.example",
        recipients=("bo@shop.example",),
        size_bytes=30,
        raw=b"Subject: hello\r\n\r\nhello\r\n",
        message=Message(subject="hello", text="hello"),
        raw_ref=RawRef(blob="0" * 64, kind="whole", size_bytes=30),
        authentication=Authentication(spf="pass"),
        virus=VirusVerdict(result="clean"),
    )
    return msgspec.structs.replace(mail, **changes)


async def judged(
    mail: MailScanned,
    classifier: SpamClassifier,
    policy: ScorePolicy | None = None,
    reputations: Reputations | None = None,
) -> SpamVerdict:
    event, *_ = await scored(mail, classifier, policy, reputations)
    assert isinstance(event, MailScored)
    return event.spam


async def scored(
    mail: MailScanned,
    classifier: SpamClassifier,
    policy: ScorePolicy | None = None,
    reputations: Reputations | None = None,
) -> Sequence[Event]:
    return await score(
        mail,
        classifier=classifier,
        policy=policy or ScorePolicy(),
        reputations=reputations or MemoryReputations(ManualClock(AT)),
    )


async def after(*, mails: int, bad: int) -> MemoryReputations:
    """Return what is known of far.example when it has sent that."""
    known = MemoryReputations(ManualClock(AT))
    for number in range(mails):
        await known.count(
            SenderJudged(
                sender="far.example", mail_id=f"{number}", judged_at=AT, is_bad=number < bad
            )
        )
    return known
