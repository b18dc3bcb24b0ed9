"""rillmail send, to the real SMTP server on memory stores."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from api.cli.send import send
from tests.smtp.house import House, a_house


def test_a_mail_is_sent_and_the_answer_printed() -> None:
    with serving() as house:
        result = run(
            "--to", "bo@shop.example", "--subject", "Grüße", "--body", "It flows.", to=house
        )
        [mail] = house.log.mails
        assert (result.exit_code, result.stdout) == (0, f"250 2.0.0 Ok: queued as {mail.mail_id}\n")
        assert mail.raw is not None
        assert b"Subject: =?utf-8?" in mail.raw
        assert mail.raw.endswith(b"\r\n\r\nIt flows.\r\n")


def test_the_text_comes_from_standard_input() -> None:
    with serving() as house:
        result = run("--to", "bo@shop.example", typed="from a pipe\n.\nwith a dot", to=house)
        assert result.exit_code == 0, result.output
        [mail] = house.log.mails
        assert mail.raw is not None
        assert mail.raw.endswith(b"\r\n\r\nfrom a pipe\r\n.\r\nwith a dot\r\n")


def test_files_are_attached(tmp_path: Path) -> None:
    (tmp_path / "päper.pdf").write_bytes(b"%PDF")
    with serving() as house:
        run(
            "--to",
            "bo@shop.example",
            "--body",
            "x",
            "--attach",
            str(tmp_path / "päper.pdf"),
            to=house,
        )
        [mail] = house.log.mails
        assert mail.raw is not None
        assert b"Content-Type: application/pdf\r\n" in mail.raw
        assert b"filename*=utf-8''p%C3%A4per.pdf" in mail.raw


def test_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mail").write_bytes(b"Subject: x\n\n..\n.\r\nend")
    with serving() as house:
        result = run(
            *("--to", "bo@shop.example", "--from", "ann@far.example"),
            *("--raw", str(tmp_path / "mail")),
            to=house,
        )
        assert result.exit_code == 0, result.output
        assert house.log.raws == [b"Subject: x\r\n\r\n..\r\n.\r\nend\r\n"]
        assert house.log.mails[0].mail_from == "ann@far.example"


def test_a_refusal_is_told_and_is_a_failure() -> None:
    with serving() as house:
        result = run("--to", "nobody@shop.example", "--body", "x", to=house)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "nobody@shop.example: 550 5.1.1 There is no such mailbox here\n"


def test_who_was_refused_is_told_in_json() -> None:
    to = ("--to", "bo@shop.example", "--to", "nobody@shop.example")
    with serving() as house:
        result = run(*to, "--body", "x", "--json", to=house)
        [mail] = house.log.mails
        assert result.exit_code == 1
        assert json.loads(result.stdout) == {
            "reply": f"250 2.0.0 Ok: queued as {mail.mail_id}",
            "accepted": ["bo@shop.example"],
            "refused": [
                {
                    "recipient": "nobody@shop.example",
                    "reply": "550 5.1.1 There is no such mailbox here",
                }
            ],
        }


def test_lmtp_answers_for_each_recipient() -> None:
    to = ("--to", "bo@shop.example", "--to", "small@shop.example")
    with serving() as house:
        result = run(*to, "--body", "x" * 2_000, "--lmtp", "--json", to=house, lmtp=True)
        assert result.exit_code == 1
        answer = json.loads(result.stdout)
        assert answer["accepted"] == ["bo@shop.example"]
        assert answer["refused"][0]["reply"][:9] == "552 5.2.2"
        assert [mail.origin for mail in house.log.mails] == ["lmtp"]


def test_addresses_beyond_ascii_are_sent_with_smtputf8() -> None:
    with serving() as house:
        result = run("--to", "bo+ü@shop.example", "--body", "x", to=house)
        assert result.exit_code == 0, result.output
        assert [mail.smtputf8 for mail in house.log.mails] == [True]


def test_that_nobody_listens_is_one_sentence() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{free.getsockname()[1]}"
        result = CliRunner().invoke(send, ["--to", "bo@a", "--body", "x", "--server", server])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: nobody listens on {server}: is `rillmail run` running")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--to", "bo@a", "--body", "x", "--server", "nonsense"], "write HOST:PORT"),
        (["--to", "bo@a>\r\nRCPT TO:<x@y", "--body", "x"], "is no address"),
        (["--to", "bo@a", "--body", "x", "--subject", "a\nBcc: eve@far.example"], "Header"),
        (["--to", "bo@a", "--body", "x", "--raw", __file__], "--raw is the whole mail"),
    ],
)
def test_what_makes_no_sense_is_told(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(send, arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert "Traceback" not in result.output


def run(*arguments: str, to: House, typed: str = "", lmtp: bool = False) -> Result:
    port = to.smtp.lmtp_port if lmtp else to.smtp.smtp_port
    return CliRunner().invoke(send, [*arguments, "--server", f"127.0.0.1:{port}"], input=typed)


@contextmanager
def serving() -> Iterator[House]:
    """Serve in another thread, since the command blocks this one."""
    started: list[House] = []
    is_started, is_over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with a_house() as house:
            started.append(house)
            is_started.set()
            await is_over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert is_started.wait(10)
        with capture_logs():  # which would go to the standard output of the command
            yield started[0]
    finally:
        loop.call_soon_threadsafe(is_over.set)
        thread.join()
        loop.close()
