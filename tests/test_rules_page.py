"""docs/rules.md: its scripts do what it says, its settings are taken, its problem is told so."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.shapes_rules import Away, Forwards
from topologies.mail.message import parse_message
from topologies.mail.sieve import SieveError, compiled
from topologies.mail.sieve_actions import Action, FileInto, Keep, Redirect, Reject, Vacation
from topologies.mail.sieve_forms import EXTENSIONS
from topologies.mail.sieve_run import run
from topologies.mail.sieve_view import View

PAGE = (Path(__file__).parents[1] / "docs" / "rules.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"```sieve\n(.*?)```", PAGE, re.DOTALL)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NIGHT = datetime(2026, 3, 1, 20, tzinfo=UTC)
KEEP = (Keep(),)


@pytest.mark.parametrize(
    ("number", "mail", "expected"),
    [
        (0, {"head": "List-Id: <pumps.example>"}, (FileInto(folder="Pumps", create=True),)),
        (0, {}, KEEP),
        (1, {"sender": "boss@shop.example"}, (Keep(flags=("\\Flagged",)),)),
        (1, {"head": "Auto-Submitted: auto-generated"}, (Keep(flags=("\\Seen",)),)),
        (2, {"to": "bo+SHOP@shop.example"}, (FileInto(folder="Shop", create=True),)),
        (2, {}, KEEP),
        (3, {"body": "x" * 2**20}, (Redirect(address="ann@shop.example"), *KEEP)),
        (3, {"body": "invoice " + "x" * 2**20}, KEEP),
        (
            4,
            {"at": NIGHT},
            (Vacation(reason="We open at eight.", period_s=86_400, subject="Closed"), *KEEP),
        ),
        (4, {"at": NOON}, KEEP),
        (
            5,
            {"sender": "x@spam.example"},
            (Reject(reason="Mail from you is not taken here."),),
        ),
    ],
)
def test_a_script_does_what_the_page_says(
    number: int, mail: dict[str, Any], expected: tuple[Action, ...]
) -> None:
    outcome = run(compiled(SCRIPTS[number]), seen(**mail))
    assert (outcome.actions, outcome.error) == (expected, "")


def test_every_script_of_the_page_is_tried() -> None:
    assert len(SCRIPTS) == 6


def test_the_settings_of_the_page_are_taken() -> None:
    away, forwards, _ = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert msgspec.json.decode(away, type=Away).is_on
    assert msgspec.json.decode(forwards, type=Forwards).addresses == ("bo@elsewhere.example",)


def test_the_problem_of_the_page_is_what_is_told() -> None:
    told = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[2])
    with pytest.raises(SieveError) as caught:
        compiled('keep;\nfileinto "x";')
    assert str(caught.value) == told["detail"] == told["errors"][0]["detail"]
    assert (caught.value.line, caught.value.column) == (told["line"], told["column"])


def test_every_extension_stands_in_the_table() -> None:
    lacking = [
        name
        for name in EXTENSIONS
        if f"`{name}`" not in PAGE and not name.startswith("comparator-i;")
    ]
    assert lacking == []


def seen(
    *,
    head: str = "X-Nothing: x",
    sender: str = "zoe@far.example",
    to: str = "bo@shop.example",
    body: str = "Hello.",
    at: datetime = NOON,
) -> View:
    raw = f"{head}\r\nFrom: {sender}\r\nTo: {to}\r\nSubject: x\r\n\r\n{body}\r\n".encode()
    return View(
        raw=raw,
        message=parse_message(raw).message,
        received_at=at,
        mail_from=sender,
        recipient=to,
    )
