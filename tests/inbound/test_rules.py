"""route: what a user's own rules make of a mail, the same however often it is run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from connectors.memory.dkim_keys import MemoryDkimKeys
from tests.services import AT, DOMAIN, in_memory
from topologies.engines.handling import Emit, handle
from topologies.events import (
    ArcVerdict,
    Authentication,
    CreateFolder,
    CreateLabel,
    Deliver,
    DeliveryAttempted,
    Event,
    LabelEmails,
    MailDisposed,
    MailOutgoing,
    MailReceived,
    MailScored,
    MailUndeliverable,
    Message,
    RecipientResult,
    ReportDue,
    ReportDue5s,
    SpamVerdict,
    VirusVerdict,
)
from topologies.events.inbound import grow
from topologies.feedback.bounce import bounce
from topologies.inbound.route import route
from topologies.mail import dkim_private, ids, loops, srs
from topologies.mail.stored import store_message
from topologies.mailbox.store import store
from topologies.ports.blobs import Blobs
from topologies.ports.directory import Directory, User
from topologies.ports.dkim_keys import DkimKey, DkimKeys
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.rules import AwayNotice, Forwarding, Rules, SieveScript, UserRules
from topologies.ports.url_key import UrlKey
from topologies.stage import declared_by

CASES = Path(__file__).parents[3] / "shared" / "cases"
PROVED = Authentication(spf="pass", spf_domain="far.example")
ANN, BO = f"ann@{DOMAIN}", f"bo@{DOMAIN}"
ZOE = "zoe@far.example"
AWAY = AwayNotice(is_on=True, text="I am away until Monday.")
KEEPING = Forwarding(is_on=True, addresses=("ann@home.example",))
MOVING = Forwarding(is_on=True, addresses=("ann@home.example",), keeps_copy=False)

E = TypeVar("E", bound=Event)


# --- folders and flags --------------------------------------------------------------


async def test_a_mail_is_filed_into_a_folder_that_is_there_whatever_its_case() -> None:
    post = await a_post()
    folder_id = await post.folder("Pumps")
    await post.script('require "fileinto"; fileinto "pumps";')
    [copy] = await post.comes()
    assert isinstance(copy, Deliver)
    assert copy.folder_id == folder_id


async def test_a_folder_is_found_however_its_accents_are_written() -> None:
    post = await a_post()
    folder_id = await post.folder("Caf\u00e9")
    await post.script('require ["fileinto","mailbox"]; fileinto :create "cafe\u0301";')
    [copy] = await post.comes()
    assert isinstance(copy, Deliver)
    assert copy.folder_id == folder_id


@pytest.mark.parametrize(
    ("name", "folder_id"), [("spam", "spam"), ("Trash", "trash"), ("INBOX", "inbox")]
)
async def test_the_folders_that_everybody_has_go_by_their_names(name: str, folder_id: str) -> None:
    post = await a_post()
    await post.script(f'require "fileinto"; fileinto "{name}";')
    assert [copy.folder_id for copy in only(Deliver, await post.comes())] == [folder_id]


async def test_a_folder_that_is_missing_is_the_inbox() -> None:
    post = await a_post()
    await post.script('require "fileinto"; fileinto "Nothing"; keep;')
    assert [copy.folder_id for copy in only(Deliver, await post.comes())] == ["inbox"]


async def test_a_folder_is_made_where_the_script_says_so_and_is_there_for_the_next() -> None:
    post = await a_post()
    await post.script('require ["fileinto","mailbox"]; fileinto :create "Pumps";')
    made, copy = await post.comes()
    assert isinstance(made, CreateFolder)
    assert isinstance(copy, Deliver)
    assert (made.name, copy.folder_id) == ("Pumps", made.folder_id)
    for command in (made, copy):
        await store(command, mailboxes=post.services[Mailboxes])
    [following] = await post.comes(mail_id=ids.derived_id(AT, "another"))
    assert isinstance(following, Deliver)
    assert following.folder_id == made.folder_id


async def test_a_folder_within_another_exists_by_its_path_where_mail_can_be_filed_by_it() -> None:
    post = await a_post()
    inner = await post.folder("Pumps", parent_id=await post.folder("Work"))
    await post.script(
        'require ["fileinto","mailbox"];'
        'if mailboxexists ["Work/pumps", "Pumps"] { fileinto "Work/Pumps"; } else { discard; }'
    )
    assert [copy.folder_id for copy in only(Deliver, await post.comes())] == [inner]


async def test_a_folder_that_was_renamed_since_is_left_alone() -> None:
    post = await a_post()
    await post.script('require ["fileinto","mailbox"]; fileinto :create "Pumps";')
    [made] = only(CreateFolder, await post.comes())
    renamed = msgspec.structs.replace(made, name="Other")
    await store(renamed, mailboxes=post.services[Mailboxes])
    [again] = only(CreateFolder, await post.comes())
    assert (again.name, again.folder_id == made.folder_id) == ("Pumps", False)


async def test_flags_are_read_and_starred() -> None:
    post = await a_post()
    await post.script(r'require "imap4flags"; addflag ["\\Seen", "\\flagged", "$Other"];')
    [copy] = only(Deliver, await post.comes())
    assert (copy.is_read, copy.is_starred) == (True, True)


async def test_a_flag_that_is_the_name_of_a_label_puts_it_on_each_copy_of_the_mail() -> None:
    post = await a_post()
    await post.folder("Pumps")
    urgent, abroad = await post.label("Urgent"), await post.label("From abroad")
    await post.label("Other")
    await post.script(
        'require ["fileinto","imap4flags"];'
        'addflag ["urgent", "from_abroad", "nothing"]; fileinto "pumps"; keep;'
    )
    events = await post.comes()
    copies, labelled = only(Deliver, events), only(LabelEmails, events)
    assert len(copies) == 2
    assert [each.email_ids for each in labelled] == [(copy.email_id,) for copy in copies]
    assert all(set(each.added) == {urgent, abroad} for each in labelled)
    assert events.index(labelled[0]) > events.index(copies[0])
    assert len({each.command_id for each in labelled}) == 2


async def test_a_flag_of_the_system_names_no_label() -> None:
    post = await a_post()
    await post.label("Seen")
    await post.script(r'require "imap4flags"; addflag "\\Seen";')
    assert only(LabelEmails, await post.comes()) == []


async def test_two_folders_are_two_copies_and_the_first_is_the_one_it_would_be_anyway() -> None:
    post = await a_post()
    await post.folder("Pumps")
    await post.script('require ["fileinto","copy"]; fileinto :copy "pumps";')
    first, second = only(Deliver, await post.comes())
    assert first.email_id == ids.email_id(post.mail_id, post.ann.user_id)
    assert first.email_id != second.email_id
    assert first.command_id != second.command_id


async def test_what_is_discarded_is_told_and_nobody_gets_it() -> None:
    post = await a_post()
    await post.script("discard;")
    assert await post.comes() == [
        MailDisposed(mail_id=post.mail_id, recipient=ANN, user_id=post.ann.user_id, how="discarded")
    ]


async def test_rules_are_of_one_user_alone() -> None:
    post = await a_post()
    await post.script("discard;")
    events = await post.comes(recipients=(f"all@{DOMAIN}",))
    assert [copy.user_id for copy in only(Deliver, events)] == [post.bo.user_id]


async def test_what_goes_wrong_is_told_beside_the_mail() -> None:
    post = await a_post()
    await post.script('require "reject"; keep; reject "no";')
    [copy] = await post.comes()
    assert isinstance(copy, Deliver)
    assert copy.note.startswith("your rules could not be run: line 1, column 25:")


async def test_what_is_imported_is_left_as_its_owner_sorted_it() -> None:
    post = await a_post()
    await post.script("discard;")
    assert len(only(Deliver, await post.comes(origin="import"))) == 1


async def test_spam_is_kept_with_the_spam_unless_a_rule_files_it() -> None:
    post = await a_post()
    await post.script('if header "subject" "other" { discard; }')
    assert [c.folder_id for c in only(Deliver, await post.comes(spam=SPAM))] == ["spam"]


# --- forwarding ---------------------------------------------------------------------


async def test_a_mail_is_forwarded_under_a_reverse_path_of_ours() -> None:
    post = await a_post()
    await post.script('redirect "ann@home.example";')
    mail, told = await post.comes()
    assert isinstance(mail, MailOutgoing)
    assert (mail.kind, mail.sign, mail.recipients) == ("forwarded", False, ("ann@home.example",))
    assert mail.raw == b"Delivered-To: ann@shop.example\r\n" + post.raw
    local, _, domain = mail.mail_from.rpartition("@")
    key = srs.key_of(await post.services[UrlKey].get())
    assert (domain, srs.original(local, key, AT)) == (DOMAIN, ZOE)
    assert isinstance(told, MailDisposed)
    assert told.how == "forwarded"


async def test_what_must_go_by_tls_is_forwarded_and_answered_so() -> None:
    post = await a_post()
    await post.script(
        'require ["copy", "vacation"]; redirect :copy "ann@home.example"; vacation "I am away.";'
    )
    written = only(MailOutgoing, await post.comes(tls_required="yes"))
    assert {mail.kind: mail.tls_required for mail in written} == {
        "forwarded": "yes",
        "answer": "yes",
    }


async def test_forwarding_without_a_script_keeps_a_copy_or_not() -> None:
    post = await a_post()
    await post.set(UserRules(forwarding=KEEPING))
    assert [type(e) for e in await post.comes()] == [Deliver, MailOutgoing]
    await post.set(UserRules(forwarding=MOVING))
    assert [type(e) for e in await post.comes()] == [MailOutgoing, MailDisposed]


async def test_mail_of_our_own_users_and_bounces_keep_their_reverse_path() -> None:
    post = await a_post()
    await post.set(UserRules(forwarding=MOVING))
    for sender in (BO, ""):
        [mail] = only(MailOutgoing, await post.comes(mail_from=sender))
        assert mail.mail_from == sender


async def test_a_sender_whose_address_is_too_long_is_stood_for_by_the_user() -> None:
    post = await a_post()
    await post.set(UserRules(forwarding=MOVING))
    [mail] = only(MailOutgoing, await post.comes(mail_from=f"{'z' * 60}@far.example"))
    assert mail.mail_from == ANN


async def test_what_is_forwarded_is_sealed_with_the_domain_s_key() -> None:
    post = await a_post()
    keys = MemoryDkimKeys()
    await keys.add(
        DkimKey(
            domain=DOMAIN,
            selector="s1",
            algorithm="ed25519-sha256",
            private_key=dkim_private.make("ed25519-sha256"),
            created_at=AT,
            signs_from=AT,
        )
    )
    post.services[DkimKeys] = keys
    await post.set(UserRules(forwarding=MOVING))
    known = Authentication(spf="pass", spf_domain="far.example", arc=ArcVerdict(result="none"))
    [mail] = only(MailOutgoing, await post.comes(authentication=known))
    read = message_from_bytes(mail.raw or b"")
    assert "d=shop.example" in read["ARC-Seal"]
    assert "spf=pass" in read["ARC-Authentication-Results"]


async def test_a_colleague_gets_it_as_a_mail_that_comes_in() -> None:
    post = await a_post()
    await post.script(f'redirect "{BO}";')
    mail, _ = await post.comes(client_ip="192.0.2.7", helo="out.far.example")
    assert isinstance(mail, MailReceived)
    assert (mail.origin, mail.mail_from, mail.recipients) == ("local", ZOE, (BO,))
    # Who sent it is found out again, and comes to the same.
    assert (mail.user_id, mail.client_ip, mail.helo) == ("", "192.0.2.7", "out.far.example")
    mail, _ = await post.comes(mail_from=BO, user_id=post.bo.user_id)
    assert isinstance(mail, MailReceived)
    assert mail.user_id == post.bo.user_id


async def test_who_forwards_to_themselves_keeps_it() -> None:
    post = await a_post()
    await post.script('redirect "Ann+x@shop.example";')
    assert [type(event) for event in await post.comes()] == [Deliver]


async def test_what_can_not_be_forwarded_is_kept_and_told() -> None:
    post = await a_post()
    await post.script(f'redirect "gone@{DOMAIN}";')
    copy, told = await post.comes()
    assert isinstance(copy, Deliver)
    assert isinstance(told, MailUndeliverable)
    assert told.recipient == f"gone@{DOMAIN}"


async def test_spam_is_not_forwarded() -> None:
    post = await a_post()
    await post.set(UserRules(forwarding=MOVING))
    [copy] = await post.comes(spam=SPAM)
    assert isinstance(copy, Deliver)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"Delivered-To: <Ann@SHOP.example>\r\n", id="it was here before"),
        pytest.param(b"Received: x\r\n" * (loops.MOST_HOPS + 1), id="it went too far"),
    ],
)
async def test_a_mail_that_goes_round_in_circles_stays(head: bytes) -> None:
    post = await a_post(head)
    await post.set(UserRules(forwarding=MOVING))
    copy, told = await post.comes()
    assert isinstance(copy, Deliver)
    assert "came back" in copy.note
    assert isinstance(told, MailUndeliverable)
    assert told.reason.startswith("5.4.6")


async def test_two_who_forward_to_each_other_come_to_an_end() -> None:
    post = await a_post()
    await post.script(f'redirect "{BO}";')
    await post.script(f'redirect "{ANN}";', user=post.bo)
    waiting: list[Event] = list(await post.comes())
    seen: list[Event] = []
    while waiting:
        event = waiting.pop()
        seen.append(event)
        if isinstance(event, MailReceived):
            waiting += await post.routed(await post.scored(event))
    assert sum(isinstance(event, MailReceived) for event in seen) == 2
    assert [copy.user_id for copy in only(Deliver, seen)] == [post.ann.user_id]


async def test_a_large_mail_is_forwarded_by_reference() -> None:
    post = await a_post(body=b"x" * 70_000)
    await post.set(UserRules(forwarding=MOVING))
    mail, _ = await post.comes()
    assert isinstance(mail, MailOutgoing)
    assert mail.raw is None
    assert mail.raw_blob is not None
    assert len(await post.services[Blobs].get(mail.raw_blob)) == mail.size_bytes


# --- aliases and groups -------------------------------------------------------------


async def test_an_alias_serves_members_here_and_elsewhere() -> None:
    post = await a_post()
    await post.services[Directory].add_alias(
        "team@shop.example", [BO, "x@far.example", "y@b.example"]
    )
    copy, mail = await post.comes(recipients=("team@shop.example",))
    assert isinstance(copy, Deliver)
    assert isinstance(mail, MailOutgoing)
    assert mail.recipients == ("x@far.example", "y@b.example")
    assert (mail.raw or b"").startswith(b"Delivered-To: team@shop.example\r\n")


async def test_an_address_beyond_ascii_is_told_in_ascii_and_known_again() -> None:
    post = await a_post()
    directory = post.services[Directory]
    await directory.add_alias("büro@shop.example", ["x@far.example"])
    asked = {"recipients": ("@relay.example:büro@shop.example",)}
    [mail] = only(MailOutgoing, await post.comes(**asked))
    assert mail.raw is not None
    assert (mail.smtputf8, mail.raw.isascii()) == (False, True)
    post.raw = mail.raw
    assert [type(event) for event in await post.comes(**asked)] == [MailUndeliverable]


async def test_a_mail_that_comes_to_an_alias_again_goes_no_further() -> None:
    post = await a_post(b"Delivered-To: team@shop.example\r\n")
    await post.services[Directory].add_alias("team@shop.example", ["x@far.example"])
    [told] = await post.comes(recipients=("team@shop.example",))
    assert isinstance(told, MailUndeliverable)
    assert told.reason.startswith("5.4.6")


async def test_spam_for_an_alias_is_not_passed_on() -> None:
    post = await a_post()
    await post.services[Directory].add_alias("team@shop.example", [BO, "x@far.example"])
    events = await post.comes(recipients=("team@shop.example",), spam=SPAM)
    assert [type(event) for event in events] == [Deliver, MailUndeliverable]


@pytest.mark.parametrize(
    ("sender", "known", "is_taken"),
    [
        (BO, Authentication(signed_in=True), True),
        ("x@far.example", Authentication(spf="pass"), True),
        ("x@far.example", Authentication(), True),
        ("x@far.example", Authentication(spf="fail"), False),
        ("x@far.example", Authentication(dmarc="fail"), False),
        ("eve@far.example", Authentication(dmarc="pass"), False),
    ],
)
async def test_a_group_for_its_members_hears_nobody_else(
    sender: str, known: Authentication, is_taken: bool
) -> None:
    post = await a_post()
    members = [BO, "x@far.example"]
    await post.services[Directory].add_alias("team@shop.example", members, members_only=True)
    asked = {"recipients": ("team@shop.example",), "authentication": known}
    events = await post.comes(mail_from=sender, **asked)
    assert bool(only(Deliver, events)) == is_taken


# --- a mailbox that is nearly full --------------------------------------------------


async def test_who_is_nearly_out_of_room_is_told_by_one_mail() -> None:
    post = await a_post()
    await post.services[Directory].change_user(post.ann.user_id, quota_bytes=2 * len(post.raw))
    [copy] = await post.comes()
    assert isinstance(copy, Deliver)
    await store(copy, mailboxes=post.services[Mailboxes])
    second = {"mail_id": ids.derived_id(AT, "second")}
    copy, notice = await post.comes(**second)
    assert isinstance(notice, MailReceived)
    assert (notice.mail_from, notice.recipients) == ("", (ANN,))
    assert b"nearly full" in (notice.raw or b"")
    third = {"mail_id": ids.derived_id(AT, "third")}
    assert [type(event) for event in await post.comes(**third)] == [Deliver]
    assert await post.comes(**second) == [copy, notice]
    [told] = await post.routed(await post.scored(notice))
    assert isinstance(told, Deliver)  # what tells it does not tell it again


# --- bounces of what was forwarded --------------------------------------------------


async def test_a_bounce_to_a_reverse_path_of_ours_goes_to_whom_it_stands_for() -> None:
    post = await a_post()
    key = srs.key_of(await post.services[UrlKey].get())
    path = srs.rewritten(ZOE, DOMAIN, key, AT - timedelta(days=3))
    assert path is not None
    [mail] = await post.comes(mail_from="", recipients=(path,))
    assert isinstance(mail, MailOutgoing)
    assert (mail.kind, mail.mail_from, mail.recipients) == ("forwarded", "", (ZOE,))


async def test_the_sender_hears_of_it_when_what_was_forwarded_is_refused_there() -> None:
    post = await a_post()
    await post.set(UserRules(forwarding=MOVING))
    [mail] = only(MailOutgoing, await post.comes())
    failed = DeliveryAttempted(
        delivery_id=ids.derived_id(AT, "a delivery"),
        mail_id=mail.mail_id,
        submitted_at=AT,
        mail_from=mail.mail_from,
        destination="home.example",
        attempt=1,
        attempted_at=AT,
        results=(
            RecipientResult(recipient="ann@home.example", status="failed", code=550, text="no"),
        ),
        kind="forwarded",
    )
    [asked] = await post.bounced(failed)
    assert isinstance(asked, ReportDue5s)
    [report] = await post.bounced(
        ReportDue(mail_id=asked.mail_id, round_name=asked.round_name, looks=asked.looks)
    )
    assert isinstance(report, MailReceived)
    [onward] = await post.routed(await post.scored(report))
    assert isinstance(onward, MailOutgoing)
    assert (onward.mail_from, onward.recipients) == ("", (ZOE,))
    assert b"ann@home.example" in (onward.raw or b"")


async def test_a_forged_one_goes_nowhere() -> None:
    post = await a_post()
    path = f"SRS0=aaaaaa=aa=far.example=zoe@{DOMAIN}"
    [told] = await post.comes(mail_from="", recipients=(path,))
    assert isinstance(told, MailUndeliverable)


# --- answers ------------------------------------------------------------------------


async def test_who_writes_to_somebody_away_is_told_so_once() -> None:
    post = await a_post()
    await post.set(UserRules(away=AWAY))
    copy, answer = await post.comes()
    assert isinstance(copy, Deliver)
    assert isinstance(answer, MailOutgoing)
    assert (answer.kind, answer.mail_from, answer.recipients) == ("answer", "", (ZOE,))
    read = message_from_bytes(answer.raw or b"")
    assert read["Auto-Submitted"] == "auto-replied"
    assert read["In-Reply-To"] == "<m1@far.example>"
    assert read["From"] == "Ann <ann@shop.example>"
    assert read["To"] == ZOE
    assert read["Subject"] == "Auto: a pump"
    assert read.get_payload(decode=True).strip() == b"I am away until Monday."  # type: ignore[union-attr]
    assert await post.comes() == [copy, answer]  # a replay
    another = {"mail_id": ids.derived_id(AT, "another")}
    assert [type(e) for e in await post.comes(**another)] == [Deliver]
    later = AT + timedelta(days=7)
    following = {"mail_id": ids.derived_id(later, "later"), "received_at": later}
    assert [type(e) for e in await post.comes(**following)] == [Deliver, MailOutgoing]


@pytest.mark.parametrize(
    ("head", "changes"),
    [
        pytest.param(b"List-Id: <l.far.example>\r\n", {}, id="a list"),
        pytest.param(b"Precedence: Bulk\r\n", {}, id="mail to many"),
        pytest.param(b"Auto-Submitted: auto-generated\r\n", {}, id="a machine"),
        pytest.param(b"Auto-Submitted: auto-replied (x)\r\n", {}, id="an answer"),
        pytest.param(b"X-Auto-Response-Suppress: DR, OOF\r\n", {}, id="who wants none"),
        pytest.param(b"Return-Path: <>\r\n", {}, id="a bounce by its header"),
        pytest.param(b"", {"mail_from": ""}, id="a bounce"),
        pytest.param(b"", {"mail_from": "MAILER-DAEMON@far.example"}, id="a daemon"),
        pytest.param(b"", {"mail_from": "l-request@far.example"}, id="a list's keeper"),
        pytest.param(b"", {"mail_from": "no-reply@far.example"}, id="nobody"),
        pytest.param(b"", {"mail_from": "bounces+a2-b3@far.example"}, id="a path for bounces"),
        pytest.param(b"", {"mail_from": "ann+x@shop.example"}, id="themselves"),
        pytest.param(b"", {"spam": SpamVerdict(probability=1, is_spam=True)}, id="spam"),
        pytest.param(b"", {"authentication": Authentication(dmarc="fail")}, id="a forged sender"),
        pytest.param(b"", {"authentication": Authentication(spf="fail")}, id="a forged envelope"),
        pytest.param(b"", {"recipients": (BO,)}, id="somebody else"),
    ],
)
async def test_what_is_not_answered(head: bytes, changes: dict[str, Any]) -> None:
    post = await a_post(head)
    await post.set(UserRules(away=AWAY))
    await post.set(UserRules(away=AWAY), user=post.bo)  # whom it does not name
    assert [type(event) for event in await post.comes(**changes)] == [Deliver]


async def test_mail_to_a_list_of_colleagues_is_not_answered_by_each_of_them() -> None:
    post = await a_post(to=f"all@{DOMAIN}")
    await post.set(UserRules(away=AWAY))
    events = await post.comes(recipients=(f"all@{DOMAIN}",))
    assert [type(event) for event in events] == [Deliver, Deliver]


async def test_a_further_address_of_the_user_counts() -> None:
    post = await a_post(to="boss@shop.example")
    await post.services[Directory].add_alias("boss@shop.example", [ANN])
    await post.set(UserRules(away=AWAY))
    events = await post.comes(recipients=("boss@shop.example",))
    assert [type(event) for event in events] == [Deliver, MailOutgoing]


async def test_a_colleague_is_answered_in_their_mailbox_and_answers_no_answer() -> None:
    post = await a_post()
    await post.set(UserRules(away=AWAY))
    await post.set(UserRules(away=AWAY), user=post.bo)
    _, answer = await post.comes(mail_from=BO)
    assert isinstance(answer, MailReceived)
    assert (answer.mail_from, answer.recipients, answer.user_id) == ("", (BO,), post.ann.user_id)
    assert [type(e) for e in await post.routed(await post.scored(answer))] == [Deliver]


async def test_away_has_a_beginning_and_an_end() -> None:
    post = await a_post()
    hour = timedelta(hours=1)
    for starts_at, ends_at, is_answered in (
        (AT, AT + hour, True),
        (AT + hour, None, False),
        (AT - hour, AT, False),
    ):
        away = AwayNotice(is_on=True, text="away", starts_at=starts_at, ends_at=ends_at)
        await post.set(UserRules(away=away))
        assert (len(await post.comes()) == 2) == is_answered


async def test_a_script_can_say_it_in_its_own_way() -> None:
    post = await a_post()
    await post.script(
        'require "vacation"; vacation :subject "Wég" :from "The Boss <x@far.example>" :mime text:\n'
        "Content-Type: text/html; charset=utf-8\n\n<p>Wég</p>\n.\n;"
    )
    [answer] = only(MailOutgoing, await post.comes())
    read = message_from_bytes(answer.raw or b"")
    assert read["From"] == "The Boss <ann@shop.example>"  # in nobody else's name
    assert read.get_content_type() == "text/html"
    assert "Wég" in (answer.raw or b"").decode()


async def test_an_answer_that_quotes_each_mail_is_one_answer_all_the_same() -> None:
    post = await a_post()
    await post.script(
        'require ["vacation", "variables"]; if header :matches "subject" "*" {'
        ' vacation :subject "Re: ${1}" "About ${1}: I am away."; }'
    )
    [answer] = only(MailOutgoing, await post.comes())
    assert b"About a pump: I am away." in (answer.raw or b"")
    raw = post.raw.replace(b"a pump", b"another pump")
    second = {"mail_id": ids.derived_id(AT, "another"), "raw": raw, "size_bytes": len(raw)}
    assert only(MailOutgoing, await post.comes(**second)) == []
    others = second | {"mail_id": ids.derived_id(AT, "others"), "mail_from": "yan@far.example"}
    assert len(only(MailOutgoing, await post.comes(**others))) == 1


async def test_a_refused_mail_is_told_to_a_sender_who_is_proved() -> None:
    post = await a_post()
    await post.script('require "reject"; reject "Not today.";')
    answer, told = await post.comes(
        authentication=Authentication(spf="pass", spf_domain="far.example")
    )
    assert isinstance(answer, MailOutgoing)
    assert (answer.kind, answer.mail_from, answer.recipients) == ("answer", "", (ZOE,))
    read = message_from_bytes(answer.raw or b"")
    assert (read.get_content_type(), read["Auto-Submitted"]) == ("multipart/report", "auto-replied")
    kinds = [part.get_content_type() for part in read.walk()][1:]
    assert kinds[0] == "text/plain"
    assert "message/disposition-notification" in kinds
    assert "Not today." in (answer.raw or b"").decode()
    assert isinstance(told, MailDisposed)
    assert told.how == "refused"


@pytest.mark.parametrize(
    ("head", "changes"),
    [
        pytest.param(b"", {}, id="a sender who is not proved"),
        pytest.param(b"", {"mail_from": ""}, id="a bounce"),
        pytest.param(b"List-Id: <l>\r\n", {"authentication": PROVED}, id="a list"),
    ],
)
async def test_others_are_told_nothing(head: bytes, changes: dict[str, Any]) -> None:
    post = await a_post(head)
    await post.script('require "reject"; reject "Not today.";')
    assert [type(event) for event in await post.comes(**changes)] == [MailDisposed]


@pytest.mark.parametrize(
    ("name", "is_answered"),
    [("22a-vacation-list", False), ("22b-vacation-auto", False), ("22c-vacation-human", True)],
)
async def test_the_cases_of_vacations(name: str, is_answered: bool) -> None:
    path = CASES / f"{name}.eml"
    if not path.exists():
        pytest.skip(f"no {path.name}")
    post = await a_post()
    directory = post.services[Directory]
    await directory.add_domain("rcpt.example")
    user = await directory.add_user("bo@rcpt.example", "secret")
    await post.set(UserRules(away=AWAY), user=user)
    post.raw = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    asked = {"mail_from": "ada@sender.example", "recipients": ("bo@rcpt.example",)}
    assert (len(await post.comes(**asked)) == 2) == is_answered
    another = {"mail_id": ids.derived_id(AT, "another")}
    assert len(await post.comes(**asked, **another)) == 1


# --- builders -----------------------------------------------------------------------

SPAM = SpamVerdict(probability=0.99, is_spam=True)


@dataclass
class Post:
    """ann@ and bo@, and a mail from far away to ann@."""

    services: dict[type, Any]
    ann: User
    bo: User
    raw: bytes
    mail_id: str = field(default_factory=lambda: ids.derived_id(AT, "a mail"))

    async def set(self, rules: UserRules, *, user: User | None = None) -> None:
        user_id = (user or self.ann).user_id
        kept = await self.services[Rules].read(user_id)
        wanted = UserRules(
            scripts=rules.scripts,
            active=rules.active,
            away=rules.away,
            forwarding=rules.forwarding,
            version=kept.version,
        )
        assert await self.services[Rules].write(user_id, wanted)

    async def script(self, source: str, *, user: User | None = None) -> None:
        script = SieveScript(name="mine", source=source, changed_at=AT)
        await self.set(UserRules(scripts=(script,), active="mine"), user=user)

    async def folder(self, name: str, *, parent_id: str = "") -> str:
        command = CreateFolder(
            user_id=self.ann.user_id,
            command_id=f"make {name}",
            issued_at=AT,
            folder_id=f"folder {name}",
            name=name,
            parent_id=parent_id,
        )
        await store(command, mailboxes=self.services[Mailboxes])
        return command.folder_id

    async def label(self, name: str) -> str:
        command = CreateLabel(
            user_id=self.ann.user_id,
            command_id=f"make {name}",
            issued_at=AT,
            label_id=f"label {name}",
            name=name,
        )
        await store(command, mailboxes=self.services[Mailboxes])
        return command.label_id

    async def comes(self, **changes: Any) -> Sequence[Event]:
        """Return what a mail leads to, twice."""
        received = MailReceived(
            mail_id=self.mail_id,
            received_at=AT,
            origin="smtp",
            mail_from=ZOE,
            recipients=(ANN,),
            size_bytes=len(self.raw),
            raw=self.raw if len(self.raw) < 64 * 1024 else None,
        )
        names = MailReceived.__struct_fields__
        first = {name: value for name, value in changes.items() if name in names}
        mail = await self.scored(msgspec.structs.replace(received, **first))
        later = {name: value for name, value in changes.items() if name not in names}
        return await self.routed(msgspec.structs.replace(mail, **later))

    async def scored(self, mail: MailReceived) -> MailScored:
        """Return *mail* as the stages before would have it."""
        raw = mail.raw if mail.raw is not None else self.raw
        message, ref = await store_message(raw, self.services[Blobs])
        assert isinstance(message, Message)
        return grow(
            mail,
            MailScored,
            message=message,
            raw_ref=ref,
            authentication=Authentication(signed_in=bool(mail.user_id)),
            virus=VirusVerdict(result="clean"),
            spam=SpamVerdict(probability=0.01, is_spam=False),
        )

    async def bounced(self, event: Event) -> Sequence[Event]:
        """Return what the stage that tells senders makes of *event*."""
        told = await handle(declared_by(bounce), msgspec.json.encode(event), self.services)
        assert isinstance(told, Emit), told
        return told.events

    async def routed(self, mail: MailScored) -> list[Event]:
        written = msgspec.json.encode(mail)
        first = await handle(declared_by(route), written, self.services)
        assert isinstance(first, Emit), first
        assert await handle(declared_by(route), written, self.services) == first
        return list(first.events)


async def a_post(head: bytes = b"", *, to: str = ANN, body: bytes = b"Hello.\r\n") -> Post:
    services = await in_memory()
    directory = services[Directory]
    ann, bo = await directory.user_by_address(ANN), await directory.user_by_address(BO)
    assert ann is not None
    assert bo is not None
    raw = (
        head
        + b"From: Zoe <zoe@far.example>\r\n"
        + f"To: {to}\r\n".encode()
        + b"Subject: a pump\r\nMessage-ID: <m1@far.example>\r\n\r\n"
        + body
    )
    return Post(services, ann, bo, raw)


def only(kind: type[E], events: Sequence[Event]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]
