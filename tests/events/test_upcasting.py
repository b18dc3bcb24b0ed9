"""An event of an older version is read as what it would be today."""

import msgspec
import pytest

from topologies.engines.handling import decode
from topologies.errors import Poison
from topologies.events import MailReceived
from topologies.events.base import Event
from topologies.events.upcasting import EventReader, Upcast
from topologies.inbound.parse import parse
from topologies.stage import declared_by


class Weighed1(Event, frozen=True, kw_only=True, tag="mail.weighed/1"):
    mail_id: str
    pounds: float

    @property
    def key(self) -> str:
        return self.mail_id


class Weighed2(Event, frozen=True, kw_only=True, tag="mail.weighed/2"):
    mail_id: str
    grams: int

    @property
    def key(self) -> str:
        return self.mail_id


class Weighed3(Weighed2, frozen=True, kw_only=True, tag="mail.weighed/3"):
    scales: str


FIRST = Upcast(
    Weighed1, Weighed2, lambda old: Weighed2(mail_id=old.mail_id, grams=round(old.pounds * 453.6))
)
SECOND = Upcast(
    Weighed2, Weighed3, lambda old: Weighed3(mail_id=old.mail_id, grams=old.grams, scales="unknown")
)
OLD = b'{"event":"mail.weighed/1","mail_id":"m","pounds":2}'


def test_an_event_of_the_first_version_is_read_as_the_third_step_by_step() -> None:
    reader = EventReader((Weighed3,), (SECOND, FIRST))
    assert reader.read(OLD) == Weighed3(mail_id="m", grams=907, scales="unknown")
    assert set(reader.kinds_once) == {Weighed1, Weighed2}


def test_an_event_of_today_is_read_as_it_is() -> None:
    today = Weighed3(mail_id="m", grams=1, scales="kitchen")
    reader = EventReader((Weighed3, MailReceived), (FIRST, SECOND))
    assert reader.read(msgspec.json.encode(today)) == today


def test_what_no_upcaster_leads_from_is_not_read() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"mail\.weighed/1"):
        EventReader((Weighed3,), (SECOND,)).read(OLD)


def test_a_kind_is_either_of_today_or_old() -> None:
    with pytest.raises(ValueError, match=r"mail\.weighed/1 is old"):
        EventReader((Weighed1, Weighed2), (FIRST,))


def test_an_upcaster_of_an_event_of_another_topic_changes_nothing() -> None:
    assert EventReader((MailReceived,), (FIRST,)).kinds_once == ()


def test_engines_read_by_it_and_tell_an_unknown_version() -> None:
    with pytest.raises(Poison, match=r"undecodable: Invalid value 'mail\.received/9'"):
        decode(declared_by(parse), b'{"event":"mail.received/9"}')
