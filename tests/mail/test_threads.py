"""Threads: mails belong together by what they name, late parents included, within bounds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.events import Message
from topologies.mail.threads import LARGEST, NAMED, REMEMBERED, join, named


def test_a_mail_that_names_nothing_begins_a_thread_named_by_itself() -> None:
    joined = join(mail("root"), "e1", {}, {})
    assert (joined.thread_id, joined.merged) == ("e1", ())
    assert joined.remembered == (("root", "e1"),)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"in_reply_to": ("root",)}, id="by In-Reply-To alone"),
        pytest.param({"references": ("root",)}, id="by References alone"),
        pytest.param({"references": ("root", "missing")}, id="over a mail that is missing"),
        pytest.param({"in_reply_to": ("prose",), "references": ("root",)}, id="beside nonsense"),
    ],
)
def test_an_answer_joins_the_thread_of_what_it_names(answer: dict[str, Any]) -> None:
    joined = join(mail("reply", subject="Another subject", **answer), "e2", {"root": "t1"}, {})
    assert (joined.thread_id, joined.merged) == ("t1", ())
    assert ("reply", "t1") in joined.remembered


def test_equal_subjects_join_nothing() -> None:
    known = {"root": "t1"}
    joined = join(mail("other", subject="Re: Invitation"), "e2", known, {"t1": 1})
    assert joined.thread_id == "e2"


def test_a_late_parent_finds_its_children() -> None:
    early = join(mail("child", references=("parent",)), "e1", {}, {})
    late = join(mail("parent"), "e2", dict(early.remembered), {"e1": 1})
    assert (early.thread_id, late.thread_id, late.merged) == ("e1", "e1", ())


def test_a_late_parent_that_joins_two_threads_merges_them_into_the_larger() -> None:
    known = {"parent": "t-child", "root": "t-root"}
    sizes = {"t-child": 5, "t-root": 2}
    joined = join(mail("parent", references=("root",)), "e9", known, sizes)
    assert (joined.thread_id, joined.merged) == ("t-child", ("t-root",))


def test_of_two_equal_threads_the_older_stays() -> None:
    joined = join(mail("m", references=("a", "b")), "e9", {"a": "t1", "b": "t2"}, {})
    assert (joined.thread_id, joined.merged) == ("t1", ("t2",))


def test_a_second_mail_with_the_same_message_id_lies_in_the_same_thread() -> None:
    joined = join(mail("twice"), "e2", {"twice": "e1"}, {"e1": 1})
    assert (joined.thread_id, joined.remembered) == ("e1", ())


def test_a_full_thread_is_followed_by_another_and_answers_find_that() -> None:
    full = {"t1": LARGEST}
    first = join(mail("next", references=("root",)), "e1", {"root": "t1"}, full)
    known = {"root": "t1"} | dict(first.remembered)
    answer = join(mail("answer", references=("root", "next")), "e2", known, full | {"e1": 1})
    assert (first.thread_id, first.merged) == ("e1", ())
    assert (answer.thread_id, answer.merged) == ("e1", ())


def test_a_copy_of_a_mail_in_a_full_thread_takes_its_answers_along() -> None:
    joined = join(mail("twice"), "e2", {"twice": "t1"}, {"t1": LARGEST})
    assert joined.remembered == (("twice", "e2"),)


def test_threads_are_not_merged_beyond_the_bound() -> None:
    sizes = {"t1": LARGEST - 10, "t2": 9, "t3": 8}
    known = {"a": "t1", "b": "t2", "c": "t3"}
    joined = join(mail("m", references=("c", "b", "a")), "e9", known, sizes)
    assert (joined.thread_id, joined.merged) == ("t1", ("t3",))


def test_only_so_many_ids_are_looked_up_and_fewer_kept_but_the_root_is_among_them() -> None:
    flood = tuple(f"r{number}" for number in range(1_000))
    message = mail("m", references=flood, in_reply_to=tuple(f"i{n}" for n in range(1_000)))
    assert len(named(message)) == NAMED
    remembered = join(message, "e1", {}, {}).remembered
    assert len(remembered) == REMEMBERED + 2

    usual = join(mail("m", references=flood[:50]), "e1", {}, {}).remembered
    assert {"r0", "r49", "m"} <= {message_id for message_id, _ in usual}


def test_a_mail_that_names_itself_or_nothing_does_no_harm() -> None:
    message = mail("m", references=("m", ""), in_reply_to=("m", ""))
    assert named(message) == ("m",)
    assert named(Message()) == ()
    assert join(Message(), "e1", {}, {}).remembered == ()


@given(st.data())
def test_whatever_mails_name_a_thread_stays_within_its_bound(data: st.DataObject) -> None:
    names = st.sampled_from("abcdef")
    known = data.draw(st.dictionaries(names, st.sampled_from(["t1", "t2", "t3"])))
    sizes = data.draw(st.fixed_dictionaries({t: st.integers(0, LARGEST) for t in TS}))
    message = mail(data.draw(names), references=tuple(data.draw(st.lists(names))))

    joined = join(message, "e1", known, sizes)

    together = (joined.thread_id, *joined.merged)
    assert len(set(together)) == len(together)
    held = sum(sizes.get(thread_id, 0) for thread_id in together) + len(joined.merged) + 1
    assert held <= LARGEST + (joined.thread_id == "e1")
    assert all(thread_id == joined.thread_id for _, thread_id in joined.remembered)


TS = ("t1", "t2", "t3")


def mail(message_id: str, **changes: Any) -> Message:
    fields: dict[str, Any] = {"message_id": message_id, "subject": "Invitation"} | changes
    return Message(**fields)
