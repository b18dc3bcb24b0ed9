"""rillmail spam."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.cli.spam import spam
from connectors.files.spam_model import load_spam_model
from tests.cli.stores_in_memory import MemoryStores, in_json
from tests.mailbox.commands import deliver, move
from topologies.events import SPAM, SpamVerdict
from topologies.mailbox.store import store


def test_each_message_of_a_folder_is_scored(tmp_path: Path) -> None:
    corpus(tmp_path, mails=2)
    result = run(tmp_path, "score", str(tmp_path / "ham"), str(tmp_path / "spam" / "0.eml"))
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [path for path, _ in rows] == [
        str(tmp_path / "ham" / "0.eml"),
        str(tmp_path / "ham" / "1.eml"),
        str(tmp_path / "spam" / "0.eml"),
    ]
    assert all(0.0 <= float(probability) <= 1.0 for _, probability in rows)


def test_scores_come_with_reasons_for_programs_and_for_people(tmp_path: Path) -> None:
    corpus(tmp_path, mails=1)
    path = str(tmp_path / "spam" / "0.eml")
    [answer] = in_json(run(tmp_path, "score", path, "--json"))
    assert answer["path"] == path
    assert answer["is_spam"] == (answer["probability"] >= 0.9)
    line = run(tmp_path, "score", path, "--reasons").stdout
    assert line == f"{path}\t{answer['probability']:.6f}\t{'; '.join(answer['reasons'])}\n"


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    corpus(tmp_path, mails=1)
    (tmp_path / "ham" / ".cache").mkdir()
    (tmp_path / "ham" / ".cache" / "x").write_bytes(b"")
    assert len(run(tmp_path, "score", str(tmp_path / "ham")).stdout.splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"no header\n", b"Subject: \xff\xfe\n\n"])
def test_any_file_has_a_score(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert run(tmp_path, "score", str(path)).exit_code == 0


def test_a_path_can_not_steer_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[2J"
    path.write_bytes(b"Subject: x\n\nx\n")
    assert "\x1b" not in run(tmp_path, "score", str(path)).stdout


def test_a_file_that_can_not_be_read_is_named_and_the_others_are_scored(tmp_path: Path) -> None:
    good, bad = tmp_path / "a.eml", tmp_path / "b.eml"
    good.write_bytes(b"Subject: x\n\nx\n")
    bad.symlink_to("/proc/self/mem")  # is there, and gives nothing, not even to root
    result = run(tmp_path, "score", str(good), str(bad))
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{good}\t")
    assert result.stderr.startswith(f"Error: {bad}: ")


def test_a_model_is_trained_and_then_used(tmp_path: Path) -> None:
    corpus(tmp_path, mails=20)
    trained = in_json(
        run(tmp_path, "train", str(tmp_path / "spam"), str(tmp_path / "ham"), "--json")
    )
    assert (trained["spam"], trained["ham"], trained["unreadable"]) == (20, 20, [])
    assert trained["model"] == str(tmp_path / "data" / "spam.model")
    assert trained["ham_taken_for_spam"] == 0
    scores = in_json(run(tmp_path, "score", str(tmp_path / "spam"), "--json"))
    assert all(each["probability"] > 0.5 for each in scores)


def test_a_model_is_written_where_it_is_wanted_with_a_note(tmp_path: Path) -> None:
    corpus(tmp_path, mails=5)
    target = tmp_path / "deep" / "new.model"
    result = run(tmp_path, "train", str(tmp_path), "--output", str(target), "--note", "my mail")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{target} is trained on 5 spam and 5 ham.\n")
    assert load_spam_model(target).header.trained_on == "my mail"
    other = run(tmp_path, "score", str(tmp_path / "ham"), "--model", str(target))
    assert other.exit_code == 0


def test_mail_that_nobody_sorted_teaches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "0.eml"
    path.write_bytes(b"Subject: x\n\nx\n")
    result = run(tmp_path, "train", str(path))
    assert result.exit_code == 1
    assert "lies in no folder called spam or ham" in result.stderr
    assert not (tmp_path / "data").exists()


def test_one_kind_alone_teaches_nothing(tmp_path: Path) -> None:
    corpus(tmp_path, mails=2)
    result = run(tmp_path, "train", str(tmp_path / "spam"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "some spam and some ham are needed" in result.stderr


def test_the_nearest_folder_says_what_a_mail_is(tmp_path: Path) -> None:
    corpus(tmp_path / "spam" / "reported wrongly", mails=3)
    trained = in_json(run(tmp_path, "train", str(tmp_path / "spam"), "--json"))
    assert (trained["spam"], trained["ham"]) == (3, 3)


def test_a_broken_model_is_told_and_nothing_is_scored(tmp_path: Path) -> None:
    corpus(tmp_path, mails=1)
    broken = tmp_path / "broken.model"
    broken.write_bytes(b"hello")
    result = run(tmp_path, "score", str(tmp_path / "ham"), "--model", str(broken))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is no spam model of this version" in result.stderr


def test_the_command_is_found_and_shows_examples() -> None:
    for name in ("train", "score"):
        result = CliRunner().invoke(main, ["spam", name, "--help"])
        assert result.exit_code == 0, result.output
        assert f"rillmail spam {name} " in result.output


def test_reports_of_users_train_a_model_along_with_folders(tmp_path: Path) -> None:
    corpus(tmp_path, mails=5)
    stores = MemoryStores()
    asyncio.run(reports_of_one_user(stores))
    result = stores.run(
        spam,
        "train",
        str(tmp_path / "ham"),
        "--reports",
        "--json",
        RILLMAIL_DATA_DIR=str(tmp_path / "data"),
    )
    trained = in_json(result)
    assert (trained["spam"], trained["ham"]) == (1, 5)


def test_nothing_to_train_on_is_told(tmp_path: Path) -> None:
    result = run(tmp_path, "train")
    assert result.exit_code == 2
    assert "--reports" in result.stderr


# --- builders -----------------------------------------------------------------------


async def reports_of_one_user(stores: MemoryStores) -> None:
    await stores.directory.add_domain("shop.example")
    await stores.directory.add_user("ann@shop.example", "a password")
    [ann] = await stores.directory.users()
    not_taken = SpamVerdict(probability=0.1, is_spam=False, threshold=0.9, model="m")
    for command in (
        deliver(1, user_id=ann.user_id, spam=not_taken),
        move(1, to=SPAM, user_id=ann.user_id),
    ):
        await store(command, mailboxes=stores.mailboxes)


def corpus(folder: Path, *, mails: int) -> None:
    for kind, sentence in (("spam", "claim your free prize"), ("ham", "the minutes of today")):
        (folder / kind).mkdir(parents=True)
        for n in range(mails):
            raw = f"From: x{n}@{kind}.example\nSubject: {kind} {n * n} item {n}\n\n{sentence} {n}\n"
            (folder / kind / f"{n}.eml").write_text(raw)


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(spam, arguments, env={"RILLMAIL_DATA_DIR": str(data / "data")})
