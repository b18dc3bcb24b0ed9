"""What a user's reports make of the mail that comes next."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topologies.events import Address, Authentication, Message, SpamVerdict
from topologies.mail import personal
from topologies.ports.personal_spam import MOST_WEIGHTS, Learnt

THRESHOLD = 0.9
PROVED = Authentication(dmarc="pass", from_domain="shop.example")
UNPROVED = Authentication(dmarc="fail", dmarc_policy="reject", from_domain="shop.example")


def mail(text: str, sender: str = "news@shop.example", **more: Any) -> Message:
    return Message(text=text, from_=(Address(address=sender),), **more)


def verdict(probability: float, **more: Any) -> SpamVerdict:
    is_spam = more.pop("is_spam", probability >= THRESHOLD)
    return SpamVerdict(
        probability=probability, is_spam=is_spam, threshold=THRESHOLD, model="m", **more
    )


def after(
    *reports: tuple[Message, float, bool],
    known: Authentication = PROVED,
    learnt: Learnt | None = None,
) -> Learnt:
    """Return what was learnt from (mail, probability, is it spam)."""
    learnt = learnt or Learnt()
    for message, common, is_spam in reports:
        learnt = personal.taught(
            learnt,
            personal.kind_of(message, known),
            seq=learnt.seq + 1,
            common=common,
            is_spam=is_spam,
            threshold=THRESHOLD,
        )
    return learnt


def judged(
    message: Message, common: SpamVerdict, learnt: Learnt, known: Authentication = PROVED
) -> SpamVerdict:
    return personal.judged(common, personal.opinion(learnt, personal.kind_of(message, known)))


OFFER = mail("our best offer for garden tools this week, only in our shop")
OTHER = mail("new shoes have come in, and socks too")


def test_one_report_is_enough_for_the_same_mail_and_for_others_of_its_sender() -> None:
    learnt = after((OFFER, 0.01, True))
    assert judged(OFFER, verdict(0.01), learnt).is_spam
    found = judged(OTHER, verdict(0.01), learnt)
    assert found.is_spam
    assert found.reasons == (personal.SENDER_IS_BAD,)
    assert found.by_user > 0


def test_not_spam_brings_a_sender_back_that_was_misjudged() -> None:
    learnt = after((OFFER, 0.99, False))
    found = judged(OTHER, verdict(0.99, reasons=("the text says “socks”",)), learnt)
    assert not found.is_spam
    assert found.reasons == (personal.SENDER_IS_GOOD, "the text says “socks”")


def test_other_mail_is_judged_as_before() -> None:
    learnt = after((OFFER, 0.01, True))
    stranger = mail("shall we meet at the station?", "zoe@far.example")
    assert judged(stranger, verdict(0.2), learnt) == verdict(0.2)


def test_mail_that_reads_alike_is_suspected_whoever_sends_it_but_words_alone_do_not_convict() -> (
    None
):
    learnt = after(*((OFFER, 0.01, True),) * 3)
    alike = mail(OFFER.text, "someone@else.example")
    found = judged(alike, verdict(0.01), learnt)
    assert found.probability > 0.01
    assert not found.is_spam
    assert judged(alike, verdict(0.8), learnt).is_spam


def test_who_forges_a_trusted_sender_gains_nothing() -> None:
    learnt = after((OFFER, 0.99, False))
    forged = judged(mail("log in here", "news@shop.example"), verdict(0.99), learnt, UNPROVED)
    assert forged.is_spam


def test_what_a_domain_disowns_stays_spam_until_its_reader_says_otherwise() -> None:
    disowned = verdict(0.1, is_spam=True)
    about_text = after((mail(OFFER.text, "x@y.example"), 0.99, False))
    assert judged(OFFER, disowned, about_text, UNPROVED).is_spam
    learnt = after((OFFER, 0.99, False), known=UNPROVED)
    assert not judged(OTHER, disowned, learnt, UNPROVED).is_spam


def test_a_user_may_change_their_mind() -> None:
    learnt = after((OFFER, 0.01, True), (OFFER, 0.01, False))
    assert not judged(OFFER, verdict(0.01), learnt).is_spam
    learnt = after((OFFER, 0.01, True), learnt=learnt)
    assert judged(OFFER, verdict(0.01), learnt).is_spam


def test_a_list_is_known_as_a_sender_is() -> None:
    issue = mail("issue one", "bounce-1@far.example", list_id="news.far.example")
    learnt = after((issue, 0.01, True))
    later = mail("the second one", "bounce-2@far.example", list_id="news.far.example")
    assert judged(later, verdict(0.3), learnt).is_spam


def test_what_was_judged_as_the_user_does_teaches_nothing_but_that_it_was_reported() -> None:
    learnt = after((OFFER, 0.9999, True))
    assert (learnt.reports, dict(learnt.weights)) == (1, {})


def test_what_nobody_judged_stays_as_it_is() -> None:
    learnt = after((OFFER, 0.01, True))
    imported = SpamVerdict(probability=0.0, is_spam=False)
    assert judged(OFFER, imported, learnt) == imported


def test_what_is_kept_is_bounded_and_senders_are_remembered_longest() -> None:
    learnt = after((OFFER, 0.01, True))
    for number in range(40):
        text = " ".join(f"w{number}x{n}" for n in range(400))
        learnt = after((mail(text, f"{number}@a.example"), 0.2, True), learnt=learnt)
    assert len(learnt.weights) <= MOST_WEIGHTS
    assert judged(OTHER, verdict(0.01), learnt).is_spam


@settings(deadline=None)
@given(
    text=st.text(max_size=200),
    sender=st.text(max_size=40),
    common=st.floats(0, 1),
    is_spam=st.booleans(),
)
def test_any_mail_can_be_learnt_from_and_the_same_report_teaches_the_same(
    text: str, sender: str, common: float, is_spam: bool
) -> None:
    message = mail(text, sender)
    learnt = after((message, common, is_spam))
    assert learnt == after((message, common, is_spam))
    found = judged(message, verdict(common), learnt)
    assert 0 <= found.probability <= 1
    # What a text says is limited: without a sender, it can't outweigh a model that is sure.
    assert found.is_spam == is_spam or not learnt.weights or not sender
    assert replace(learnt, seq=9).weights == learnt.weights


@pytest.mark.parametrize("text", ["x " * 100_000, "<a href=" * 20_000])
def test_the_work_is_bounded(text: str) -> None:
    kind = personal.kind_of(Message(text=text, html=text, subject=text), None)
    assert len(kind.texts) <= personal.MOST_TEXTS
