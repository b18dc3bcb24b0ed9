"""What /metrics tells of those who take mail."""

import re
import sys

from connectors.metrics import Metrics
from connectors.settings import Settings
from connectors.smtp_in.figures import SmtpFigures
from connectors.smtp_in.processes import SmtpProcesses
from connectors.smtp_in.server import SmtpIn
from tests.smtp.house import a_house

READY = """
import json, socket, sys, time
channel = socket.socket(fileno=json.loads(sys.stdin.buffer.read())["channel"])
channel.send(b'{"type":"ready"}\\n')
time.sleep(600)
"""


async def test_a_service_that_takes_mail_itself_tells_its_sessions() -> None:
    async with a_house() as house, house.talk(), house.talk(lmtp=True):
        assert told(house.smtp) == {'rillmail_smtp_sessions{process="0"}': 2}


async def test_replies_are_told_by_class_and_by_what_they_are_about() -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.say("MAIL FROM:<ann@far.example>", "RCPT TO:<nobody@shop.example>")
        await talk.say("RCPT TO:<full@shop.example>", "BREW")
        replies = {
            name.partition("{")[2]: count
            for name, count in told(house.smtp).items()
            if name.startswith("rillmail_smtp_replies_total")
        }
        assert replies == {
            'code="2xx",process="0",reason="none"}': 1,
            'code="4xx",process="0",reason="mailbox full"}': 1,
            'code="5xx",process="0",reason="no such mailbox"}': 1,
            'code="5xx",process="0",reason="protocol"}': 1,
        }


async def test_of_processes_beside_it_each_is_told() -> None:
    settings = Settings(smtp_port=0, lmtp_port=0, smtp_processes=2)
    doors = SmtpProcesses(settings, (sys.executable, "-c", READY), lambda: None)
    await doors.start()
    figures = told(doors)
    await doors.close()
    for number in ("1", "2"):
        of_one = {name: value for name, value in figures.items() if f'"{number}"' in name}
        memory = of_one.pop(f'rillmail_smtp_process_resident_memory_bytes{{process="{number}"}}')
        assert memory > 1_000_000
        assert of_one.pop(f'rillmail_smtp_process_cpu_seconds_total{{process="{number}"}}') >= 0
        assert of_one == {
            f'rillmail_smtp_sessions{{process="{number}"}}': 0,
            f'rillmail_smtp_process_restarts_total{{process="{number}"}}': 0,
        }
    assert len(figures) == 8


def told(doors: SmtpIn | SmtpProcesses) -> dict[str, float]:
    metrics = Metrics()
    metrics.also(SmtpFigures(doors))
    lines = re.findall(r"^(rillmail_smtp.+) (\S+)$", metrics.exposition()[0].decode(), re.MULTILINE)
    return {name: float(value) for name, value in lines}
