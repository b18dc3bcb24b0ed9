"""Bounces in words, as systems write them that know no RFC 3464."""

import time

import pytest

from topologies.events import Address, Message
from topologies.mail import bounce_text
from topologies.mail.bounce_text import Failure

QMAIL = """Hi. This is the qmail-send program at mx.far.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<bo@far.example>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <ann@shop.example>
"""
EXIM = """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  bo@far.example
    SMTP error from remote mail server after RCPT TO:<bo@far.example>:
    host mx.far.example [192.0.2.7]: 550 unknown user

------ This is a copy of the message, including all the headers. ------

Subject: a warning that will be retried
"""
SENDMAIL = """The original message was received at Sun, 1 Mar 2026 12:00:00 GMT

   ----- The following addresses had permanent fatal errors -----
<bo@far.example>

   ----- Transcript of session follows -----
... while talking to mx.far.example.:
>>> RCPT To:<bo@far.example>
<<< 550 5.2.1 The mailbox is switched off
"""
EXIM_LATE = """This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on mx.far.example.

No action is required on your part. Delivery attempts will continue for
some time, and this warning may be repeated at intervals if the message
remains undelivered. Eventually the mail delivery software will give up.
"""
SENDMAIL_LATE = """**********************************************
**      THIS IS A WARNING MESSAGE ONLY      **
**  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **
**********************************************
Deferred: Connection refused by mx.far.example.
Warning: message still undelivered after 4 hours
Will keep trying until message is 5 days old
"""


@pytest.mark.parametrize(
    ("subject", "text", "expected"),
    [
        (
            "failure notice",
            QMAIL,
            Failure("5.1.1", "Sorry, no mailbox here by that name. (#5.1.1)"),
        ),
        (
            "Mail delivery failed: returning message to sender",
            EXIM,
            Failure("5.0.0", "host mx.far.example [192.0.2.7]: 550 unknown user"),
        ),
        (
            "Returned mail: see transcript for details",
            SENDMAIL,
            Failure("5.2.1", "<<< 550 5.2.1 The mailbox is switched off"),
        ),
        ("Undeliverable: Hello", "", Failure("5.0.0", "Undeliverable: Hello")),
        (
            "Delivery failure",
            "Bo did not reach us.",
            Failure("5.0.0", "Bo did not reach us."),
        ),
    ],
)
def test_a_mail_that_failed_is_known_by_words_and_codes(
    subject: str, text: str, expected: Failure
) -> None:
    assert bounce_text.read(mail(subject, text)) == expected


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Warning: message 1a2b delayed 24 hours", EXIM_LATE),
        ("Warning: could not send message for past 4 hours", SENDMAIL_LATE),
        ("Delivery Status Notification (Delay)", "It is temporarily undeliverable."),
        ("Out of office", "I am away until Monday. In urgent cases call +49 550 1234."),
        ("Your mail was read", "It was displayed on 1 March."),
        ("Re: lunch", "Sure, version 5.1.1 it is."),
        ("", ""),
    ],
)
def test_a_warning_and_an_answer_are_no_failure(subject: str, text: str) -> None:
    assert bounce_text.read(mail(subject, text)) is None


def test_what_a_person_writes_is_no_failure() -> None:
    assert bounce_text.read(mail("Undeliverable?", EXIM, sender="bo@far.example")) is None


def test_words_of_the_mail_that_comes_back_do_not_count() -> None:
    text = "It is delayed.\n\n----- Original message -----\n550 5.1.1 user unknown, undeliverable"
    assert bounce_text.read(mail("About your mail", text)) is None


def test_a_very_long_text_is_read_at_its_beginning_alone() -> None:
    assert bounce_text.read(mail("", "x " * 500_000 + "550 5.1.1 user unknown")) is None
    told = bounce_text.read(mail("", "550 5.1.1 user unknown " + "x" * 10_000))
    assert told is not None
    assert len(told.said) <= bounce_text.LONGEST_LINE


@pytest.mark.parametrize(
    "hostile",
    [
        "-",
        " ",
        ">",
        "5.1.1.",
        "5.1.1 ",
        "550 ",
        "will be ",
        "--copy",
        "\n--",
        "was not ",
        "delivery ",
    ],
)
def test_a_text_that_was_made_to_be_slow_is_not(hostile: str) -> None:
    began = time.process_time()
    bounce_text.read(mail("x", hostile * (bounce_text.MOST_CHARACTERS // len(hostile))))
    assert time.process_time() - began < 1.0  # quadratic ones would take minutes


def mail(subject: str, text: str, *, sender: str = "MAILER-DAEMON@mx.far.example") -> Message:
    return Message(subject=subject, from_=(Address(address=sender),), text=text)
