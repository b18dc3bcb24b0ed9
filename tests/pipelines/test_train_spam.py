"""Training the spam model in a batch job."""

from pathlib import Path

from click.testing import CliRunner

from api.cli.spam import spam
from pipelines.train_spam import run


def test_the_batch_job_and_the_command_make_the_same_model(tmp_path: Path) -> None:
    corpus(tmp_path / "corpus", mails=6)
    by_command = CliRunner().invoke(
        spam, ["train", str(tmp_path / "corpus"), "--output", str(tmp_path / "command.model")]
    )
    assert by_command.exit_code == 0, by_command.output
    assert run([f"{tmp_path}/corpus/**", "--output", str(tmp_path / "job.model")]) == 0
    assert (tmp_path / "job.model").read_bytes() == (tmp_path / "command.model").read_bytes()


def test_what_lies_in_no_labelled_folder_is_left_out(tmp_path: Path) -> None:
    corpus(tmp_path / "corpus", mails=2)
    run([f"{tmp_path}/corpus/**", "--output", str(tmp_path / "a.model")])
    (tmp_path / "corpus" / "README").write_bytes(b"Subject: no mail\n\ncheap pills\n")
    run([f"{tmp_path}/corpus/**", "--output", str(tmp_path / "b.model")])
    assert (tmp_path / "a.model").read_bytes() == (tmp_path / "b.model").read_bytes()


def corpus(folder: Path, *, mails: int) -> None:
    for label, words in (("spam", "cheap pills now"), ("ham", "the meeting is moved")):
        (folder / label).mkdir(parents=True)
        for number in range(mails):
            raw = f"From: a@example.com\r\nSubject: {words} {number}\r\n\r\n{words} again {number}"
            (folder / label / f"{number}.eml").write_bytes(raw.encode())
