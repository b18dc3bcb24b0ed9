"""What the bench stands on: process figures, HTTP client, DNS."""

import subprocess
import sys

import dns.message
import dns.query
import dns.rcode
import pytest

from bench import dns_server
from bench.http_client import HttpClient
from bench.mails import addresses
from bench.process_cost import cpu_s, family, memory
from bench.signing import record
from tests.bench.stub import Stub

BURN = "import time\nwhile time.process_time() < 0.2: pass\n"
PARENT = f"""
import subprocess, sys, threading
subprocess.run([sys.executable, "-c", {BURN!r}])
code = {BURN!r}
burning = threading.Thread(target=exec, args=(code, {{}}))
burning.start()
burning.join()
print("done", flush=True)
sys.stdin.read()
"""


def test_cpu_counts_ended_threads_and_children_that_were_waited_for() -> None:
    command = [sys.executable, "-c", PARENT]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        spent_s = cpu_s([process.pid])
        held = memory([process.pid])
        processes = family([process.pid])
        process.kill()

    assert 0.38 <= spent_s <= 2
    assert 0 < held.pss <= held.rss
    assert {process.pid} == processes


def test_what_does_not_live_costs_nothing() -> None:
    assert cpu_s([2**22 + 1]) == 0
    assert memory([2**22 + 1]).rss == 0


def test_requests_on_one_connection_are_answered_in_turn() -> None:
    [ann] = addresses(1)
    with Stub.serving(ann) as stub, HttpClient(stub.http_url, ann) as client:
        stub.received = [(ann, b"")] * 3_000
        many = client.get("/folders/inbox/emails", limit=3_000)
        few = client.get("/folders/inbox/emails", limit=2, cursor=5)

        with pytest.raises(RuntimeError, match="GET /nowhere: 404"):
            client.get("/nowhere")
        assert len(many["emails"]) == 3_000
        assert few == {"emails": [{"email_id": "2994"}, {"email_id": "2993"}], "next_cursor": "7"}


@pytest.mark.parametrize(
    ("name", "rcode", "answers"),
    [
        ("news.example", dns.rcode.NOERROR, ['"v=spf1 ip4:127.0.0.1 -all"']),
        ("_dmarc.news.example", dns.rcode.NOERROR, ['"v=DMARC1; p=quarantine"']),
        ("made-up._domainkey.news.example", dns.rcode.NOERROR, [f'"{record()}"']),
        ("far.example", dns.rcode.NXDOMAIN, []),
    ],
)
def test_the_dns_knows_who_sends(name: str, rcode: int, answers: list[str]) -> None:
    with dns_server.serving() as server:
        host, _, port = server.partition(":")
        query = dns.message.make_query(name, "TXT")
        response = dns.query.udp(query, host, port=int(port), timeout=5)

    assert rcode == response.rcode()
    assert answers == [str(record) for answer in response.answer for record in answer]


def test_what_is_no_dns_message_has_no_answer() -> None:
    assert None is dns_server.answer(b"?")
