"""A mail client sends by TLS to the real service, and the mail arrives."""

import email.policy
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from connectors.files.demo_certificate import demo_certificate
from connectors.memory.clock import SystemClock
from tests.process import RunningCluster, RunningService, emails_of, eventually

pytestmark = pytest.mark.process
PATIENCE_S = 60  # a cluster on a busy machine


@pytest.mark.parametrize("processes", ["0", "2"])
def test_what_a_client_submits_arrives_and_lies_in_sent(tmp_path: Path, processes: str) -> None:
    settings = {"RILLMAIL_SMTP_PROCESSES": processes}
    with RunningService(tmp_path / "data", settings) as service:
        submits(service, service.folder / "demo-certificate.pem")


@pytest.mark.live
def test_it_arrives_on_a_cluster_too(tmp_path: Path) -> None:
    from tests.live.engines import cluster_settings

    certificate = demo_certificate(tmp_path / "certificate.pem", "localhost", SystemClock())
    folder = tmp_path / "data"
    with cluster_settings() as own:
        settings = own | {
            "RILLMAIL_DATA_DIR": str(folder),
            "RILLMAIL_SUBMISSION_CERTIFICATE": str(certificate),
        }
        with RunningCluster(folder, settings) as service:
            submits(service, certificate)


def submits(service: RunningService, certificate: Path) -> None:
    """Send by both ports, and look at both mailboxes."""
    alice, bob = service.signed_in(0), service.signed_in(1)
    made = alice.post("/app-passwords", json={"name": "laptop"})
    made.raise_for_status()
    password = made.json()["password"]
    submit(service, certificate, password, "by STARTTLS", port=service.submission_port)
    submit(
        service, certificate, password, "by TLS", port=service.submissions_port, begins_in_tls=True
    )
    inbox = eventually(lambda: emails_of(bob), lambda mails: len(mails) == 2, PATIENCE_S)
    assert [mail["subject"] for mail in inbox] == ["by TLS", "by STARTTLS"]
    mail = bob.get(f"/emails/{inbox[0]['email_id']}").json()
    assert mail["authentication"]["is_signed_in"]
    [copy, _] = eventually(
        lambda: emails_of(alice, "sent"), lambda mails: len(mails) == 2, PATIENCE_S
    )
    sent = alice.get(f"/emails/{copy['email_id']}").json()
    assert [each["address"] for each in sent["bcc"]] == [service.users[1][0]]
    alice.delete(f"/app-passwords/{made.json()['password_id']}").raise_for_status()
    with pytest.raises(smtplib.SMTPAuthenticationError):
        submit(service, certificate, password, "too late", port=service.submission_port)


def test_a_mail_for_later_goes_out_in_time_unless_it_is_taken_back(
    service: RunningService,
) -> None:
    alice, bob = service.signed_in(0), service.signed_in(1)
    at = datetime.now(UTC) + timedelta(seconds=5)  # time to take one back
    kept, undone = (later(alice, service, subject, at) for subject in ("kept", "undone"))
    alice.delete(f"/emails/{undone}/send").raise_for_status()
    [mail] = eventually(lambda: emails_of(bob), lambda mails: len(mails) == 1)
    assert mail["subject"] == "kept"
    assert alice.delete(f"/emails/{kept}/send").status_code == 409
    service.settle()
    assert [each["subject"] for each in emails_of(alice, "sent")] == ["kept"]


def test_a_domain_that_is_added_while_it_runs_has_keys(service: RunningService) -> None:
    told = rillmail(service.settings, "domain", "add", "new.example")
    assert told == "new.example is added\n"
    assert "ed25519" in rillmail(service.settings, "domain", "dns", "new.example")


# --- builders -----------------------------------------------------------------------


def submit(
    service: RunningService,
    certificate: Path,
    password: str,
    subject: str,
    *,
    port: int,
    begins_in_tls: bool = False,
) -> None:
    (alice, _), (bob, _) = service.users
    message = EmailMessage()
    message["From"], message["Bcc"], message["Subject"] = alice, bob, subject
    message.set_content("hello")
    context = ssl.create_default_context(cafile=str(certificate))
    client: smtplib.SMTP = (
        smtplib.SMTP_SSL("localhost", port, context=context, timeout=60)
        if begins_in_tls
        else smtplib.SMTP("localhost", port, timeout=60)
    )
    with client:
        if not begins_in_tls:
            client.starttls(context=context)
        client.login(alice, password)
        raw = message.as_bytes(policy=email.policy.SMTP)
        assert client.sendmail(alice, [bob], raw) == {}


def later(client: httpx.Client, service: RunningService, subject: str, at: datetime) -> str:
    body = {"to": [service.users[1][0]], "subject": subject, "send_at": at.isoformat()}
    answer = client.post("/emails/send", json=body)
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "scheduled"
    return answer.json()["email_id"]


def rillmail(settings: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "api.cli.main", *words],
        env={**settings, "PATH": "/usr/bin:/bin"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
