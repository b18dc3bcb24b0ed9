"""Made-up mail is as mail was measured to be, and the same at every run."""

import tarfile
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from pipelines.measure_mail import Measured, quantiles, script_of, shares
from pipelines.synthetic import POINTS, SCRIPTS, MadeUp, at_point, mails, measured
from topologies.mail.mbox import messages
from topologies.mail.message import parse_message

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
PEOPLE = tuple(f"person{number}@shop.example" for number in range(40))


def test_the_same_seed_and_part_give_the_same_bytes_and_others_do_not() -> None:
    first, again = made(30, seed=1), made(30, seed=1)
    assert first == again
    assert {mail.raw for mail in first}.isdisjoint(mail.raw for mail in made(30, seed=2))
    assert {mail.raw for mail in first}.isdisjoint(mail.raw for mail in made(30, part=1))


def test_more_of_a_part_begins_with_the_same_mail() -> None:
    assert made(30)[:10] == made(10)


def test_made_up_mail_can_be_read_without_a_defect_in_every_script() -> None:
    profile = msgspec.structs.replace(measured(), scripts=dict.fromkeys(SCRIPTS, 0.1))
    for mail in mails(profile, seed=3, part=0, count=60, recipients=PEOPLE):
        message = parse_message(mail.raw).message
        assert message.defects == ()
        assert message.message_id == mail.message_id
        assert script_of(message.subject) == mail.script or len(message.subject) < 8
        assert set(mail.recipients) == {a.address for a in (*message.to, *message.cc)}


def test_answers_refer_to_the_mail_they_answer_and_quote_it() -> None:
    known: set[str] = set()
    answers = 0
    for mail in made(200):
        message = parse_message(mail.raw).message
        if message.in_reply_to:
            answers += 1
            assert set(message.references) <= known
            assert message.in_reply_to[0] == message.references[-1]
            assert message.subject.startswith("Re: ")
        known.add(mail.message_id)
    assert answers > 100


def test_shares_and_sizes_are_those_of_the_profile() -> None:
    profile = measured()
    again = Measured()
    for mail in made(600):
        again.add(parse_message(mail.raw).message, is_of_a_list=True)
    found = again.profile()
    assert found.html_share == pytest.approx(profile.html_share, abs=0.08)
    assert found.attachments["0"] == pytest.approx(profile.attachments["0"], abs=0.05)
    assert found.recipients["1"] == pytest.approx(profile.recipients["1"], abs=0.1)
    middle = POINTS.index(0.5)
    assert found.text_characters[middle] == pytest.approx(profile.text_characters[middle], rel=0.4)


def test_sizes_between_two_points_are_spread_by_their_logarithm() -> None:
    points = tuple(10 * 2**number for number in range(len(POINTS)))
    assert at_point(points, 0.0) == 10
    assert at_point(points, POINTS[3]) == points[3]
    assert at_point(points, (POINTS[3] + POINTS[4]) / 2) == round(points[3] * 2**0.5)
    assert at_point(points, 1.0) == points[-1]


def test_quantiles_and_shares_are_those_of_the_textbook() -> None:
    assert quantiles(list(range(1_000)))[POINTS.index(0.5)] == 500
    assert quantiles([]) == (0,) * len(POINTS)
    assert shares(Counter({1: 3, 2: 1})) == {"1": 0.75, "2": 0.25}


@pytest.mark.corpus
def test_the_lists_threads_are_as_long_as_the_profile_says(tmp_path: Path) -> None:
    packed = CORPORA / "vectors.tar.xz"
    if not packed.exists():
        pytest.skip("vectors.tar.xz is not there: it belongs in ../shared/corpora")
    with tarfile.open(packed) as archive:
        archive.extractall(
            tmp_path,
            members=[each for each in archive.getmembers() if "/mbox/" in each.name[:13]],
            filter="data",
        )
    counted = Measured()
    for path in sorted((tmp_path / "vectors" / "mbox").glob("*.mbox")):
        with path.open("rb") as file:
            for stored in messages(file, 10**8):
                counted.add(parse_message(stored.raw).message, is_of_a_list=True)
    found = counted.profile()
    assert found.measured == 3_748 + 1_993
    assert found.thread_mails == measured().thread_mails


def made(count: int, *, seed: int = 1, part: int = 0) -> list[MadeUp]:
    return list(mails(measured(), seed=seed, part=part, count=count, recipients=PEOPLE))
