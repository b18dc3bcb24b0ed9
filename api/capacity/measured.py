"""What one mail costs, as docs/performance.md has it; a test compares each with its line there."""

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured figure, and the line it is from.

    Attributes:
        section: The heading in docs/performance.md that it stands under.
        row: How the row of the table there begins.
        column: Which of the row's cells, the first after its name being 1.
        part: Which of the cell's numbers, where semicolons part them.
    """

    value: float
    unit: str
    meaning: str
    section: str
    row: str
    column: int = 1
    part: int = 0


_ALL = "smtp; inbound; mailbox"


def _of_role(value: float, meaning: str, part: int) -> Figure:
    return Figure(
        value=value,
        unit="ms",
        meaning=meaning,
        section="On an idle machine",
        row=_ALL,
        part=part,
    )


def _of_engine(value: float, meaning: str, row: str) -> Figure:
    return Figure(value=value, unit="ms", meaning=meaning, section="A mail", row=row)


def _of_request(value: float, meaning: str, row: str) -> Figure:
    return Figure(
        value=value, unit="ms", meaning=meaning, section="Reading by HTTP", row=row, column=3
    )


MEASURED: dict[str, Figure] = {
    "smtp": _of_role(0.5, "CPU of `smtp` a mail", 0),
    "inbound": _of_role(4.3, "CPU of `inbound` a mail", 1),
    "mailbox": _of_role(4.9, "CPU of `mailbox` a mail", 2),
    "kafka": _of_engine(1.9, "CPU of Kafka a mail", "Kafka"),
    "cassandra": _of_engine(4.8, "CPU of Cassandra a mail", "Cassandra"),
    "elasticsearch": _of_engine(1.4, "CPU of Elasticsearch a mail", "Elasticsearch"),
    "s3": _of_engine(1.3, "CPU of the S3 service a mail", "S3"),
    "clamd_redis": _of_engine(0.9, "CPU of clamd and Redis a mail", "clamd, Redis"),
    "list": _of_request(0.54, "CPU of all roles a listing", "newest 50, from Redis"),
    "open": _of_request(0.83, "CPU of all roles a mail that is opened", "open a mail"),
    "search": _of_request(4.5, "CPU of all roles a search", "search a word that a tenth holds"),
    "mark": _of_request(13.0, "CPU of all roles a change", "mark as read"),
    "embedded": Figure(
        value=3.81,
        unit="ms",
        meaning="CPU of the embedded service a mail",
        section="Embedded",
        row="CPU a mail, from MAIL until it can be found",
    ),
}


def ms(name: str) -> float:
    """Return a measured figure, in ms of CPU."""
    return MEASURED[name].value
