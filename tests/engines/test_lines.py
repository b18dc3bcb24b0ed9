"""What the engine logs: a line for each record and stage, by which a mail can be followed."""

from pathlib import Path

from structlog.testing import capture_logs

from connectors.metrics import Metrics
from tests.engines.stages import TIMEOUT_S
from tests.engines.whole import received, worked_on

OF_A_MAIL = ("parse", "authenticate", "scan", "score", "route", "store")
OF_A_MAILBOX = ("index", "notify")


async def test_each_line_names_stage_outcome_duration_and_mail(tmp_path: Path) -> None:
    mail = received("followed")
    with capture_logs() as logged:
        async with worked_on(tmp_path, observer=Metrics()) as (log, engine):
            await log.append([mail])
            assert await engine.drained(TIMEOUT_S)
    lines = {line["stage"]: line for line in logged if "stage" in line}
    assert lines.keys() >= {*OF_A_MAIL, *OF_A_MAILBOX}
    for line in lines.values():
        assert (line["event"], line["log_level"], line["ms"] >= 0) == ("done", "info", True)
    assert {lines[stage]["mail_id"] for stage in OF_A_MAIL} == {mail.mail_id}
    # What happens in a mailbox is of a copy, and the line of `store` names both.
    copies = {lines[stage]["email_id"] for stage in ("store", *OF_A_MAILBOX)}
    assert len(copies) == 1
    assert not any("@" in str(line) or "Hello" in str(line) for line in lines.values())
