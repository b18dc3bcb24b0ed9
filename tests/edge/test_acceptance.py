"""How checks are found, ordered and asked; and that the page about them tells the truth."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

import topologies.mailbox
from tests.edge.mails import a_mail
from topologies.acceptance import Acceptance, collect, in_order
from topologies.check import Check, Refusal, Transaction, check
from topologies.errors import Misconfigured
from topologies.ports.clock import Clock

PAGE = Path(__file__).parents[2] / "docs" / "receiving.md"
NO = Refusal(reply="550 5.7.1 No", reason="a test")


async def test_checks_of_a_moment_are_asked_by_rank_until_one_refuses() -> None:
    asked: list[str] = []
    checks = [
        noting(asked, "third", rank=3),
        noting(asked, "first", rank=1),
        noting(asked, "second", rank=2, answer=NO),
        noting(asked, "elsewhere", rank=1, at="mail"),
    ]
    assert await Acceptance(checks, {}).ask("rcpt", a_mail()) == NO
    assert asked == ["first", "second"]


async def test_what_one_check_finds_out_the_next_one_knows() -> None:
    @check(at="helo", rank=1)
    async def names(mail: Transaction) -> Transaction:
        return replace(mail, client_name="out.far.example")

    @check(at="helo", rank=2)
    async def reads(mail: Transaction) -> Refusal | None:
        return NO if mail.client_name else None

    assert await Acceptance([declared(names), declared(reads)], {}).ask("helo", a_mail()) == NO


async def test_without_a_check_nothing_is_said() -> None:
    assert await Acceptance([], {}).ask("data", a_mail()) == a_mail()


async def test_our_own_mail_server_is_asked_only_what_is_for_it() -> None:
    asked: list[str] = []
    checks = [
        noting(asked, "for strangers", rank=1),
        noting(asked, "for all", rank=2, origins=("smtp", "lmtp")),
    ]
    await Acceptance(checks, {}).ask("rcpt", a_mail(origin="lmtp"))
    assert asked == ["for all"]


async def test_only_what_depends_on_the_size_is_asked_again() -> None:
    asked: list[str] = []
    checks = [noting(asked, "once", rank=1), noting(asked, "twice", rank=2, by_size=True)]
    acceptance = Acceptance(checks, {})
    await acceptance.ask("rcpt", a_mail())
    await acceptance.ask_by_size(a_mail())
    assert asked == ["once", "twice", "twice"]


def test_two_checks_can_not_have_one_place() -> None:
    with pytest.raises(Misconfigured, match="'one' and 'two' both have rank 1 at rcpt"):
        in_order([noting([], "one", rank=1), noting([], "two", rank=1)])


def test_a_check_that_needs_what_is_not_there_is_told_before_the_first_mail() -> None:
    @check(at="rcpt", rank=1)
    async def needy(mail: Transaction, *, clock: Clock) -> None: ...

    with pytest.raises(Misconfigured, match="'needy': nothing answers clock"):
        Acceptance([declared(needy)], {})


def test_a_file_holds_one_check() -> None:
    with pytest.raises(Misconfigured, match=r"topologies\.mailbox\.\w+: one check a file, found 0"):
        collect([topologies.mailbox])


def test_the_page_lists_the_checks_in_their_order_with_their_replies() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| `(\w+)` \|.*\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [(each.name, each.at) for each in collect()] == rows


# --- builders -----------------------------------------------------------------------------


def noting(asked: list[str], name: str, *, answer: Refusal | None = None, **told: object) -> Check:
    async def note(mail: Transaction) -> Refusal | None:
        asked.append(name)
        return answer

    usual = {"at": "rcpt", "origins": ("smtp",), "by_size": False}
    return Check(name=name, ask=note, **(usual | told))  # type: ignore[arg-type]


def declared(function: object) -> Check:
    return function.__check__  # type: ignore[attr-defined]
