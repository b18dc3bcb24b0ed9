"""Mail from one real service to another, found by the DNS: it arrives, or its sender is told."""

import asyncio
import os
import random
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.assembly import open_stores
from connectors.settings import Settings
from tests.contracts.dns_server import TestServer, serving
from tests.outbound.certificates import made
from tests.process import RunningService, emails_of, eventually, free_port

pytestmark = pytest.mark.process

PASSWORD = "of-no-secret"
KILLS = int(os.environ.get("KILLS", "3"))


def test_a_mail_goes_from_one_system_to_the_other_and_back(systems: "Systems") -> None:
    ann, bo = systems.ann(), systems.bo()
    sent = send(ann, to=["bo@b.test"], subject="There")
    there = eventually(lambda: titled(bo, "There"), bool)
    assert [each["from"]["address"] for each in there] == ["ann@a.test"]
    state = eventually(
        lambda: ann.get(f"/emails/{sent}/delivery").json(), lambda told: "delivered" in str(told)
    )
    assert "TLSv1.3" in str(state)
    send(bo, to=["ann@a.test"], subject="Back")
    assert len(eventually(lambda: titled(ann, "Back"), bool)) == 1


def test_all_who_are_not_there_are_told_to_the_sender_in_one_report(systems: "Systems") -> None:
    ann = systems.ann()
    before = {each["email_id"] for each in emails_of(ann)}
    send(ann, to=["bo@b.test", "nobody@b.test", "any@nowhere.test"], subject="To three")
    eventually(lambda: titled(systems.bo(), "To three"), bool)

    def reports() -> list[str]:
        news = [each for each in emails_of(ann) if each["email_id"] not in before]
        return [str(ann.get(f"/emails/{each['email_id']}").json()) for each in news]

    [told] = eventually(reports, bool)
    assert "nobody@b.test" in told
    assert "any@nowhere.test" in told


def test_a_mail_that_must_go_by_tls_goes_to_who_proves_a_name_and_else_comes_back(
    systems: "Systems",
) -> None:
    ann, bo = systems.ann(), systems.bo()
    send(ann, to=["bo@b.test"], subject="By TLS", require_tls=True)
    assert len(eventually(lambda: titled(bo, "By TLS"), bool)) == 1
    send(bo, to=["ann@a.test"], subject="To nobody known", require_tls=True)
    title = "Your mail could not be delivered: To nobody known"
    [report] = eventually(lambda: titled(bo, title), bool)
    said = (bo.get(f"/emails/{report['email_id']}/raw")).text
    assert "Status: 5.7.10" in said
    assert titled(ann, "To nobody known") == []  # and will not be: it has failed


def test_a_sender_that_is_killed_loses_nothing(systems: "Systems") -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}, {KILLS} kills")
    moments = random.Random(seed)
    accepted: set[str] = set()
    for turn in range(KILLS):
        ann = systems.ann()
        for number in range(20):
            subject = f"{turn}.{number}"
            send(ann, to=["bo@b.test"], subject=subject)
            accepted.add(subject)
        time.sleep(moments.uniform(0, 0.5))  # the moment is what is tested
        systems.a.kill()
        systems.a.start()
    bo = systems.bo()
    eventually(lambda: {each["subject"] for each in emails_of(bo)}, lambda found: found >= accepted)


@dataclass
class Systems:
    a: RunningService
    b: RunningService

    def ann(self) -> httpx.Client:
        return self.a.client_of("ann@a.test", PASSWORD)

    def bo(self) -> httpx.Client:
        return self.b.client_of("bo@b.test", PASSWORD)


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory, dns: str) -> Iterator[Systems]:
    folder = tmp_path_factory.mktemp("systems")
    ports = {"a": free_port(), "b": free_port()}
    running: dict[str, RunningService] = {}
    certificates = {name: made(folder, f"mx.{name}.test") for name in ports}
    for name, other, user in (("a", "b", "ann"), ("b", "a", "bo")):
        certificate = certificates[name]
        settings = {
            # a can tell b's certificate from others; b knows nobody who made a's.
            "RILLMAIL_DELIVERY_CA_FILE": certificates["b"].pem if name == "a" else "",
            "RILLMAIL_HOSTNAME": f"mx.{name}.test",
            "RILLMAIL_SMTP_PORT": str(ports[name]),
            "RILLMAIL_DELIVERY_PORT": str(ports[other]),
            "RILLMAIL_DELIVERY_TO_PRIVATE": "true",
            "RILLMAIL_WEBHOOKS_TO_PRIVATE": "true",
            "RILLMAIL_DNS_SERVERS": dns,
            "RILLMAIL_TLS_REPORTS": "true",
            "RILLMAIL_TLS_CERTIFICATE": certificate.pem,
            "RILLMAIL_TLS_KEY": certificate.key,
        }
        running[name] = RunningService(folder / name, settings)
        asyncio.run(settle(folder / name, f"{user}@{name}.test"))
    with running["a"], running["b"]:
        yield Systems(running["a"], running["b"])


async def settle(folder: Path, address: str) -> None:
    """Make the user with *address*, and the domain."""
    async with open_stores(Settings(data_dir=str(folder))) as stores:
        await stores.directory.add_domain(address.partition("@")[2])
        await stores.directory.add_user(address, PASSWORD, name="Somebody")


@pytest.fixture(scope="module")
def dns() -> Iterator[str]:
    """A DNS that knows both, in a thread of its own."""
    zones: Mapping[str, Mapping[str, list[str]]] = {
        name: records
        for domain in ("a.test", "b.test")
        for name, records in {
            domain: {"MX": [f"10 mx.{domain}."]},
            f"_smtp._tls.{domain}": {"TXT": [f'"v=TLSRPTv1; rua=mailto:bo@{domain}"']},
            f"mx.{domain}": {"A": ["127.0.0.1"]},
        }.items()
    }
    server, is_ready, loop = TestServer(zones), threading.Event(), asyncio.new_event_loop()
    ended = asyncio.Event()

    async def serve() -> None:
        async with serving(server):
            is_ready.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    is_ready.wait()
    yield server.address
    loop.call_soon_threadsafe(ended.set)
    thread.join()
    loop.close()


def send(client: httpx.Client, **mail: Any) -> str:
    answer = client.post("/emails/send", json={"body": "Hello."} | mail)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["email_id"])


def titled(client: httpx.Client, subject: str) -> list[dict[str, Any]]:
    return [each for each in emails_of(client) if each["subject"] == subject]
