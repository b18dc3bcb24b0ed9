"""rillmail stage new, and rillmail stage run."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.cli.stage import stage
from tests.cli.stores_in_memory import in_json

CHECKOUT = Path(__file__).parents[2]
MAIL = b"From: Zoe <zoe@far.example>\nTo: you@desk.test\nSubject: Hello\n\nYou won the lottery.\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The folders of a checkout that stages are written into."""
    for path in ("inbound", "mailbox", "outbound", "feedback"):
        (tmp_path / "topologies" / path).mkdir(parents=True)
    shutil.copytree(CHECKOUT / "tests" / "examples", tmp_path / "tests" / "examples")
    return tmp_path


def test_a_stage_is_written_with_its_test_and_its_example(checkout: Path) -> None:
    told = in_json(ran("new", "inbound", "translate", "--into", str(checkout), "--json"))
    assert told == {
        "name": "translate",
        "path": "inbound",
        "reads": "mail.received/1",
        "files": {
            "stage": "topologies/inbound/translate.py",
            "test": "tests/inbound/test_translate.py",
            "example": "tests/examples/mail.received-1-translate.json",
        },
    }
    for file in told["files"].values():
        assert (checkout / file).stat().st_size > 0


def test_people_are_told_what_to_do_next(checkout: Path) -> None:
    result = ran("new", "mailbox", "star", "--reads", "Deliver", "--into", str(checkout))
    assert "pytest tests/mailbox/test_star.py tests/test_every_stage.py -k star" in result.stdout
    assert "stage run star --on" in result.stdout


def test_what_is_written_is_formatted_however_long_its_names_are(checkout: Path) -> None:
    reads = ("--reads", "DeliveryAttempted", "--writes", "UserDeleted", "--writes", "SetFlags")
    told = in_json(ran("new", "feedback", "x" * 40, *reads, "--into", str(checkout), "--json"))
    shutil.copy(CHECKOUT / "pyproject.toml", checkout)
    written = [told["files"]["stage"], told["files"]["test"]]
    for check in (["check", "--ignore=I,INP"], ["format", "--check"]):  # no packages are there
        ruff = [sys.executable, "-m", "ruff", *check, "-q", "--no-cache", *written]
        done = subprocess.run(ruff, cwd=checkout, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_nothing_is_overwritten(checkout: Path) -> None:
    file = checkout / "tests" / "inbound" / "test_translate.py"
    file.parent.mkdir()
    file.write_text("mine")
    result = ran("new", "inbound", "translate", "--into", str(checkout))
    assert (result.exit_code, file.read_text()) == (1, "mine")
    assert "nothing is overwritten" in result.stderr
    assert not (checkout / "topologies" / "inbound" / "translate.py").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("inbound", "parse"), "there is a stage parse already"),
        (("inbound", "Translate"), "take lower-case words"),
        (("inbound", "class"), "take lower-case words"),
        (("inbound", "../x"), "take lower-case words"),
        (("inbound", "x" * 41), "of 40 characters at most"),
        (("inbound", "timer"), "can't be called timer"),
        (("inbound", "test_more"), "it stands for a test"),
        (("inbound", "print"), "it stands for what Python calls so"),
        (("inbound", "ids"), "it stands for what the written files import"),
        (("inbound", "x", "--reads", "Nothing"), "there is no event Nothing; there are "),
        (("inbound", "x", "--reads", "MailScored"), "route alone reads it"),
        (("outbound", "x", "--reads", "DeliveryLater1m"), "is read by the timer"),
        (("mailbox", "x", "--writes", "MailScored"), "MailScored needs authentication"),
    ],
)
def test_what_can_not_be_is_refused_in_a_sentence(
    checkout: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = ran("new", *arguments, "--into", str(checkout))
    assert result.exit_code == 1
    assert said in result.stderr
    assert not list(checkout.glob("topologies/*/*.py"))


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    assert "is no checkout" in ran("new", "inbound", "x", "--into", str(tmp_path)).stderr


# --- run ----------------------------------------------------------------------------


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    file = tmp_path / "mail.eml"
    file.write_bytes(MAIL)
    return file


def test_a_mail_is_run_through_the_stages_up_to_one_and_no_further(mail: Path) -> None:
    told = in_json(ran("run", "scan", "--on", str(mail), "--json"))
    assert told["way"] == ["parse", "authenticate", "scan"]
    assert [each["stage"] for each in told["stages"]] == told["way"]
    [written] = told["stages"][-1]["written"]
    assert (written["topic"], written["event"]["virus"]["result"]) == ("mail.scanned", "clean")
    assert all(each["seconds"] > 0 and each["cpu_seconds"] >= 0 for each in told["stages"])


def test_people_see_what_each_stage_adds_and_how_long_it_took(mail: Path) -> None:
    lines = ran("run", "score", "--on", str(mail)).stdout.splitlines()
    [score] = [line for line in lines if line.startswith("score ")]
    assert "ms of CPU" in score
    after = lines[lines.index(score) :]
    assert "  → mail.scored  mail.scored/1" in after
    assert [line.split()[0] for line in after if line.startswith("      ")][:1] == ["spam"]


def test_a_mail_reaches_the_mailbox_and_what_follows_it(mail: Path) -> None:
    told = in_json(ran("run", "index", "--on", str(mail), "--to", "ann@shop.test", "--json"))
    assert told["way"][-3:] == ["route", "store", "index"]
    assert told["reached"]


def test_what_users_send_goes_the_other_way(mail: Path) -> None:
    told = in_json(ran("run", "track", "--on", str(mail), "--json"))
    assert told["way"] == ["vet", "split", "sign", "attempt", "track"]
    assert told["reached"]
    told = in_json(ran("run", "store", "--on", str(mail), "--sent", "--json"))
    assert told["way"] == ["vet", "split", "store"]


def test_a_stage_that_nothing_reaches_is_told(mail: Path) -> None:
    result = ran("run", "learn", "--on", str(mail))
    assert result.exit_code == 0
    assert result.stdout.endswith("Nothing of what followed is read by learn.\n")


def test_what_can_not_be_run_is_told_in_a_sentence(mail: Path) -> None:
    assert "no stage 'nothing'" in ran("run", "nothing", "--on", str(mail)).stderr
    result = ran("run", "vet", "--received", "--on", str(mail))
    assert (result.exit_code, "say --sent" in result.stderr) == (1, True)
    assert "no mail that comes in" in ran("run", "release", "--on", str(mail)).stderr


def test_a_file_that_steers_terminals_does_not(tmp_path: Path) -> None:
    file = tmp_path / "bad.eml"
    file.write_bytes(b"Subject: \x1b[2Jx\nFrom: \x1b[2J@x\n\n\x1b[2J\n")
    assert "\x1b" not in ran("run", "score", "--on", str(file)).stdout


def ran(*arguments: str) -> Result:
    return CliRunner().invoke(stage, arguments)
