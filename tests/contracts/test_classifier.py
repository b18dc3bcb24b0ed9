"""What every spam classifier does, and what a model file is."""

import hashlib
import math
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.files.descent import minimised
from connectors.files.spam_examples import examples
from connectors.files.spam_groups import grouped
from connectors.files.spam_model import (
    MAGIC,
    READS,
    SHIPPED,
    Header,
    SpamModel,
    load_spam_model,
    save_spam_model,
)
from connectors.files.spam_training import Labelled, train
from topologies.errors import Misconfigured
from topologies.ports.classifier import SpamClassifier

LARGEST_SHIPPED_BYTES = 5 * 1000**2
HEADER = Header(bits=4, bias=-1.0, sign_value=0.5, verdicts={"v:dmarc=pass": -2.0}, reads=READS)


def shipped() -> SpamClassifier:
    return load_spam_model()


def empty() -> SpamClassifier:
    return SpamModel(HEADER, np.zeros(16, np.float16))


def extreme() -> SpamClassifier:
    return SpamModel(HEADER, np.full(16, 60_000, np.float16))


classifiers = pytest.mark.parametrize("make", [shipped, empty, extreme])
FEATURES = st.lists(st.text("wxnvsf:=abc é", min_size=1, max_size=12), max_size=30)


@classifiers
@settings(deadline=None)
@given(found=FEATURES)
def test_a_probability_is_one_and_stays_the_same(
    make: Callable[[], SpamClassifier], found: Sequence[str]
) -> None:
    classifier = make()
    probability = classifier.probability(found)
    assert 0.0 <= probability <= 1.0
    assert make().probability(found) == probability


@classifiers
@settings(deadline=None)
@given(found=FEATURES, limit=st.integers(0, 8))
def test_reasons_are_some_of_the_features(
    make: Callable[[], SpamClassifier], found: Sequence[str], limit: int
) -> None:
    probability, reasons = make().judged(found, limit)
    assert probability == make().probability(found)
    assert len(reasons) <= limit
    assert set(reasons) <= set(found)


def test_the_loudest_reason_comes_first() -> None:
    loud, quiet = "v:loud", "v:quiet"
    header = Header(
        bits=4, bias=0.0, sign_value=1.0, verdicts={loud: 3.0, quiet: 1.0, "v:no": -1.0}
    )
    model = SpamModel(header, np.zeros(16, np.float16))
    assert model.judged([quiet, "v:no", "w:word", loud])[1] == (loud, quiet)
    assert model.probability([loud, quiet]) > model.probability([loud]) > model.probability([])


def test_the_shipped_model_knows_what_a_verdict_is_worth() -> None:
    model = load_spam_model()
    words = ["w:account", "w:verify"]
    worth = [
        model.probability([*words, verdict])
        for verdict in ("v:signed-in", "v:dmarc=pass", "v:dmarc=fail:none", "v:dmarc=fail:reject")
    ]
    assert worth == sorted(worth)


def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "spam.model"
    weights = np.linspace(-2, 2, 16)
    save_spam_model(path, HEADER, weights)
    read = load_spam_model(path)
    assert read.header == HEADER
    same = SpamModel(HEADER, weights.astype(np.float16))
    found = [f"w:{n}" for n in range(40)]
    assert read.probability(found) == same.probability(found)
    assert [p.name for p in tmp_path.iterdir()] == ["spam.model"]


def test_a_model_that_is_not_there_is_the_shipped_one(tmp_path: Path) -> None:
    assert load_spam_model(tmp_path / "none").header == load_spam_model().header


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        MAGIC,
        MAGIC + b"{}\n",
        MAGIC + b"x" * 100_000,
        MAGIC + b'{"bits":4,"bias":0,"sign_value":1,"verdicts":{}}\n' + b"\x00" * 9,
        MAGIC + b'{"bits":400,"bias":0,"sign_value":1,"verdicts":{}}\n' + b"\x00" * 640,
        MAGIC + b'{"bits":-4,"bias":0,"sign_value":1,"verdicts":{}}\n' + b"\x00" * 640,
    ],
)
def test_what_is_no_model_is_refused_at_start(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "spam.model"
    path.write_bytes(content)
    with pytest.raises(Misconfigured):
        load_spam_model(path)


def test_a_model_of_an_earlier_program_is_refused_and_the_way_out_is_told(tmp_path: Path) -> None:
    path = tmp_path / "spam.model"
    save_spam_model(path, msgspec.structs.replace(HEADER, reads=READS - 1), np.zeros(16))
    with pytest.raises(Misconfigured, match="rillmail spam train"):
        load_spam_model(path)


def test_the_shipped_model_is_the_one_that_its_card_tells_of() -> None:
    shipped = (resources.files("connectors.files") / SHIPPED).read_bytes()
    card = (Path(__file__).parents[2] / "docs" / "spam-model-card.md").read_text()
    assert len(shipped) <= LARGEST_SHIPPED_BYTES
    assert hashlib.sha256(shipped).hexdigest() in card
    assert load_spam_model().model in card


@classifiers
@settings(deadline=None)
@given(found=FEATURES)
def test_shares_and_bias_add_up_to_the_probability(
    make: Callable[[], SpamClassifier], found: Sequence[str]
) -> None:
    classifier = make()
    shares = classifier.shares(found)
    assert len(shares) == len(found)
    odds = max(-30.0, min(30.0, classifier.bias + sum(shares)))
    assert classifier.probability(found) == pytest.approx(1 / (1 + math.exp(-odds)), abs=1e-6)


def test_another_model_has_another_name() -> None:
    one, other = (SpamModel(HEADER, np.full(16, n, np.float16)) for n in (1, 2))
    assert one.model != other.model


def test_mails_of_one_kind_are_never_on_both_sides() -> None:
    text = [f"w:{n}" for n in range(40)]
    mails = [
        ("thread", False, ["w:a"]),
        ("", False, text),
        ("", True, [*text[:-1], "w:other"]),  # nearly the same
        ("", True, ["u:pills.example", "w:b"]),
        ("thread", False, ["w:c"]),
        ("", True, ["u:pills.example", "w:d"]),  # of one campaign
        ("", False, ["w:e", "w:f"]),
    ]
    assert grouped(mails) == [0, 1, 1, 3, 0, 3, 6]


def test_training_tells_kinds_apart_that_it_has_not_seen(tmp_path: Path) -> None:
    path = tmp_path / "spam.model"
    mails = [
        Labelled(features=[f"w:{kind}{n % 7}", "w:the", f"w:only{n}"], is_spam=kind == "s")
        for n in range(60)
        for kind in "sh"
    ]
    judged = train(mails, path, trained_on="made up")
    assert [bool(p > 0.5) for p in judged] == [mail.is_spam for mail in mails]
    model = load_spam_model(path)
    assert model.header.trained_on == "made up"
    assert model.probability(["w:s1", "w:s2"]) > 0.9 > 0.1 > model.probability(["w:h1", "w:h2"])


def test_the_same_mails_give_the_same_model(tmp_path: Path) -> None:
    mails = [Labelled(features=["w:a", f"w:{n}"], is_spam=n % 2 == 0) for n in range(20)]
    for name in ("one", "two"):
        train(mails, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("labels", [[], [True], [False, False]])
def test_one_kind_alone_teaches_nothing(tmp_path: Path, labels: list[bool]) -> None:
    mails = [Labelled(features=["w:a"], is_spam=label) for label in labels]
    with pytest.raises(ValueError, match="some spam and some ham"):
        train(mails, tmp_path / "spam.model")
    assert list(tmp_path.iterdir()) == []


def test_the_examples_are_of_both_kinds_and_hold_nothing_of_their_made_up_addresses() -> None:
    mails = list(examples())
    assert {mail.is_spam for mail in mails} == {True, False}
    assert not [f for m in mails for f in m.features if f.startswith(("u:", "t:", "p:example"))]


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=8))
def test_the_minimum_of_a_bowl_is_found(bottom: list[float]) -> None:
    wanted = np.array(bottom)
    steep = np.arange(1.0, len(bottom) + 1)

    def bowl(at: np.ndarray) -> tuple[float, np.ndarray]:
        off = at - wanted
        return float(steep @ off**2), 2 * steep * off

    assert np.allclose(minimised(bowl, np.zeros(len(bottom))), wanted, atol=0.05)
