"""Tally senders: windows by the hour, which a replay does not change."""

from datetime import timedelta

from connectors.assembly.in_memory import in_memory
from tests.examples import example
from topologies.events import SenderJudged
from topologies.inbound.tally_senders import tally_senders
from topologies.ports.top_senders import TopSenders
from topologies.testing import Driver


async def test_a_mail_counts_for_its_sender_in_its_hour_however_often_it_is_replayed() -> None:
    services = await in_memory()
    judged = example("sender.judged-1").event
    assert isinstance(judged, SenderJudged)
    driver = Driver(services, tally_senders)
    await driver.pipe(judged, judged)
    await driver.advance(timedelta(hours=3))  # it is replayed later, and counts where it did
    await driver.pipe(judged)
    top: TopSenders = services[TopSenders]
    [found] = await top.top(judged.judged_at)
    assert (found.sender, found.mails, found.bad) == (judged.sender, 1, int(judged.is_bad))
    assert driver.dead_letters() == []
