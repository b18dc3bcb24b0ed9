"""rillmail batch generate: mail made up, into files or to a server."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from pipelines.making import Wanted, made
from pipelines.synthetic import measured
from topologies.mail.mbox import messages


def test_parts_are_files_of_just_so_many_mails(tmp_path: Path) -> None:
    told = generated("--mails", "25", "--per-part", "10", "--output", str(tmp_path / "out"))
    assert (told["mails"], told["parts"], sum(told["scripts"].values())) == (25, 3, 25)
    paths = sorted((tmp_path / "out").glob("mail-*"))
    endings = [path.name.partition("-")[2][9:] for path in paths]
    assert endings == [f"{number:05d}-of-00003.mbox" for number in range(3)]
    assert [len(read(path)) for path in paths] == [10, 10, 5]
    assert sum(len(raw) for path in paths for raw in read(path)) == told["bytes"]


def test_what_is_there_is_left_and_what_was_cut_off_is_made_again(tmp_path: Path) -> None:
    first = [made(part, wanted(tmp_path)).mails for part in (0, 1)]
    files = {path.name: path.read_bytes() for path in tmp_path.glob("*.mbox")}
    assert first == [10, 5]
    [cut] = tmp_path.glob("*-00001-of-00002.mbox")
    cut.with_name(f"{cut.name}.part").write_bytes(cut.read_bytes()[:100])
    cut.unlink()
    assert [made(part, wanted(tmp_path)).there_already for part in (0, 1)] == [1, 0]
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*")} == files


def test_a_mail_can_be_a_file_of_its_own(tmp_path: Path) -> None:
    made(0, wanted(tmp_path, form="mbox"))
    made(0, wanted(tmp_path, form="eml"))
    alone = [path.read_bytes() for path in sorted(tmp_path.glob("*-00000-of-00002/*.eml"))]
    [path] = tmp_path.glob("*-00000-of-00002.mbox")
    assert alone == read(path)


def test_what_another_job_has_made_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    paths = {wanted(tmp_path, seed=1).path(0), wanted(tmp_path, seed=2).path(0)}
    assert len(paths) == 2


@pytest.mark.parametrize("server", ["192.0.2.1:25", "mx.example:25", "127.0.0.1", "127.0.0.1:x"])
def test_made_up_mail_is_sent_to_this_machine_alone(server: str) -> None:
    result = run("--mails", "1", "--form", "smtp", "--server", server)
    assert result.exit_code == 2
    assert "is no HOST:PORT of this machine" in result.stderr


@pytest.mark.parametrize("script", ["klingon=0.5", "cjk", "cjk=2", "cjk=0"])
def test_a_share_of_no_script_is_refused_with_what_there_is(script: str, tmp_path: Path) -> None:
    result = run("--mails", "1", "--output", str(tmp_path), "--script", script)
    assert result.exit_code == 2
    assert f"{script} is not NAME=SHARE" in result.stderr


def wanted(folder: Path, form: Any = "mbox", seed: int = 1) -> Wanted:
    return Wanted(
        mails=15,
        per_part=10,
        seed=seed,
        recipients=("ann@shop.example",),
        profile=measured(),
        form=form,
        output=str(folder),
    )


def read(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return [stored.raw for stored in messages(file, 10**8)]


def generated(*options: str) -> Any:
    result = run("--json", *options)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def run(*options: str) -> Result:
    return CliRunner().invoke(main, ["batch", "generate", *options])
