"""`rillmail send`: hand a mail over by SMTP or LMTP, as any other system would."""

import mimetypes
import socket
import sys
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate, make_msgid
from pathlib import Path

import click

from api.cli.output import as_json, examples, print_json, printable
from api.cli.smtp_client import Answer, connected
from api.cli.stores import errors_for_people
from connectors.settings import load

FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command(
    epilog=examples(
        "rillmail send --to bob@demo.test --subject Hello --body 'It flows.'",
        "fortune | rillmail send --to bob@demo.test --to alice@demo.test --attach photo.jpg",
        "rillmail send --to bob@demo.test --raw message.eml --server 127.0.0.1:2525 --json",
    )
)
@click.option("--to", "recipients", multiple=True, required=True, help="A recipient; repeatable.")
@click.option("--from", "sender", help="Your address; made up from this machine's name without it.")
@click.option("--subject", default="", help="What the mail is about.")
@click.option("--body", help="The text; read from standard input without it.")
@click.option("--attach", "attachments", multiple=True, type=FILE, help="A file; repeatable.")
@click.option(
    "--raw", type=FILE, help="Send this file as it is, LF as CRLF, instead of a new mail."
)
@click.option("--server", help="HOST:PORT; without it as the settings say.")
@click.option("--lmtp", is_flag=True, help="Speak LMTP instead of SMTP.")
@as_json
def send(
    recipients: tuple[str, ...],
    sender: str | None,
    subject: str,
    body: str | None,
    attachments: tuple[Path, ...],
    raw: Path | None,
    server: str | None,
    lmtp: bool,
    as_json: bool,
) -> None:
    """Send a mail by SMTP and print what the server answers.

    Fails if the mail was refused for any of the recipients.
    """
    if raw and (subject or body or attachments):
        raise click.UsageError("--raw is the whole mail: no --subject, --body or --attach with it")
    with errors_for_people():
        settings = load()
    sender = f"rillmail@{socket.gethostname()}" if sender is None else sender
    for address in (sender, *recipients):
        if any(c in address for c in "\r\n<>"):
            raise click.UsageError(f"{printable(address)} is no address")
    if raw:
        message = _with_crlf(raw.read_bytes())
    else:
        text = body if body is not None else sys.stdin.read()
        message = _composed(recipients, sender, subject, text, attachments)
    port = settings.lmtp_port if lmtp else settings.smtp_port
    with connected(server or f"{settings.host}:{port}", is_lmtp=lmtp) as client:
        answer = client.send(message, sender, tuple(dict.fromkeys(recipients)))
    _print(answer, as_json)
    if answer.refused:
        raise click.exceptions.Exit(1)


def _composed(
    recipients: Sequence[str],
    sender: str,
    subject: str,
    text: str,
    attachments: Sequence[Path],
) -> bytes:
    is_utf8 = not (sender + "".join(recipients)).isascii()
    message = EmailMessage(policy=SMTPUTF8 if is_utf8 else SMTP)
    try:
        message["From"] = sender
        message["To"] = ", ".join(recipients)
        message["Subject"] = subject
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or "localhost")
    message.set_content(text)
    for path in attachments:
        guessed, encoding = mimetypes.guess_type(path.name)
        kind = guessed if guessed and not encoding else "application/octet-stream"
        maintype, _, subtype = kind.partition("/")
        message.add_attachment(
            path.read_bytes(), maintype=maintype, subtype=subtype, filename=path.name
        )
    return message.as_bytes()


def _with_crlf(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _print(answer: Answer, as_json: bool) -> None:
    if as_json:
        refused = [{"recipient": to, "reply": reply} for to, reply in answer.refused]
        print_json({"reply": answer.reply, "accepted": answer.accepted, "refused": refused})
        return
    for to, reply in answer.refused:
        click.echo(f"{printable(to)}: {printable(reply)}", err=True)
    if answer.accepted:
        click.echo(printable(answer.reply))
