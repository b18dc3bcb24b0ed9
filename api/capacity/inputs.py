"""What the model is told: how much mail there is, and what is assumed of machines and prices."""

from math import isnan
from typing import Annotated, Any, cast

import msgspec
import msgspec.inspect as kinds

from topologies.errors import Misconfigured

Amount = Annotated[float, msgspec.Meta(gt=0, le=1e30)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Filling = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Copies = Annotated[int, msgspec.Meta(ge=1, le=10)]


def means(meaning: str, unit: str = "", *, is_wanted: bool = False) -> msgspec.Meta:
    """Return the annotation that says what an input means; wanted ones are no assumption."""
    return msgspec.Meta(description=meaning, extra={"unit": unit, "is_wanted": is_wanted})


class Inputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that can be told; `rillmail capacity --set NAME=VALUE` does."""

    users: Annotated[Amount, means("mailboxes", is_wanted=True)] = 1e9
    received_a_day: Annotated[Amount, means("mails a user gets", "a day", is_wanted=True)] = 40
    sent_a_day: Annotated[Amount, means("mails a user sends", "a day", is_wanted=True)] = 10
    metadata_bytes: Annotated[
        Amount, means("of a mail in the database: header, texts", "bytes", is_wanted=True)
    ] = 50_000
    attachment_share: Annotated[Share, means("of mails have attachments", is_wanted=True)] = 0.2
    attachment_bytes: Annotated[
        Amount, means("of all attachments of such a mail", "bytes", is_wanted=True)
    ] = 500_000

    peak: Annotated[Amount, means("the busiest second by the average one")] = 2.5
    utilisation: Annotated[Filling, means("of a core in the busiest second")] = 0.6
    outside_share: Annotated[Share, means("of mails received come by SMTP from others")] = 1.0
    lists_a_day: Annotated[Amount, means("a user looks at a folder", "a day")] = 20
    opens_a_day: Annotated[Amount, means("a user opens a mail", "a day")] = 20
    marks_a_day: Annotated[Amount, means("a user marks, moves or deletes mails", "a day")] = 20
    searches_a_day: Annotated[Amount, means("a user searches", "a day")] = 1
    outbound_ms: Annotated[
        Amount, means("CPU of `outbound` a sent mail: not measured yet", "ms")
    ] = 6.0
    feedback_ms: Annotated[
        Amount, means("CPU of `feedback` a sent mail: not measured yet", "ms")
    ] = 2.0
    submit_ms: Annotated[Amount, means("CPU of `api` a sent mail: not measured yet", "ms")] = 2.0
    worker_mib: Annotated[Amount, means("memory of one worker", "MiB")] = 256
    partitions_most: Annotated[
        Amount, means("`RILLMAIL_PARTITIONS` at most: workers of a role in one cell")
    ] = 256
    log_writes: Annotated[Amount, means("times a mail's text is written to the log")] = 2
    log_days: Annotated[Amount, means("the log keeps a record", "days")] = 7
    log_copies: Annotated[Copies, means("of the log")] = 3
    row_copies: Annotated[Copies, means("of a row in Cassandra")] = 3
    row_room: Annotated[Amount, means("disk by data in Cassandra, for compaction")] = 1.5
    index_copies: Annotated[Copies, means("of the search index")] = 2
    index_bytes: Annotated[Amount, means("of a mail in the search index", "bytes")] = 4_100
    raw_bytes: Annotated[
        Amount, means("of a message without its attachments, as it is kept", "bytes")
    ] = 20_000
    object_room: Annotated[Amount, means("disk by data in the object store")] = 1.5
    broker_bytes_per_s: Annotated[
        Amount, means("a broker takes, what it copies included", "bytes/s")
    ] = 250e6
    broker_disk_bytes: Annotated[Amount, means("a broker holds", "bytes")] = 30e12
    row_nodes_most: Annotated[Amount, means("nodes of one Cassandra")] = 1_000
    row_node_bytes: Annotated[Amount, means("a node of Cassandra holds", "bytes")] = 8e12
    fast_price: Annotated[Amount, means("of fast disk", "$ a TB and month")] = 40.0
    object_price: Annotated[Amount, means("of disk in the object store", "$ a TB and month")] = 8.0
    core_price: Annotated[Amount, means("of a core with 4 GiB", "$ a month")] = 15.0
    network_price: Annotated[Amount, means("of what leaves for others", "$ a TB")] = 2.0

    node_cores: Annotated[Amount, means("of a machine that runs the embedded service")] = 16
    node_memory_bytes: Annotated[Amount, means("of it", "bytes")] = 64e9
    node_disk_bytes: Annotated[Amount, means("of it", "bytes")] = 8e12
    node_network_bits: Annotated[Amount, means("of it", "bit/s")] = 10e9
    fsync_ms: Annotated[Amount, means("until its disk has 4 KiB for good", "ms")] = 0.17
    online_share: Annotated[Share, means("of users have a WebSocket open")] = 0.1
    socket_bytes: Annotated[Amount, means("memory of one: not measured yet", "bytes")] = 60_000


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One input, as told to people."""

    name: str
    value: float
    unit: str
    meaning: str
    is_wanted: bool  # else assumed


def with_values(values: dict[str, str | float]) -> Inputs:
    """Return the inputs with *values* in place of some defaults.

    Raises:
        Misconfigured: There is no such input, or a value does not fit.
    """
    known = {field.name for field in msgspec.structs.fields(Inputs)}
    for name in values:
        if name not in known:
            raise Misconfigured(f"{name} is no input: there are {', '.join(sorted(known))}")
    try:
        inputs = msgspec.convert(values, Inputs, strict=False)
    except msgspec.ValidationError as error:
        raise Misconfigured(str(error)) from error
    for name in values:
        if isnan(getattr(inputs, name)):
            raise Misconfigured(f"{name}: this is no number")
    return inputs


def described(inputs: Inputs) -> list[Told]:
    """Return all inputs with their values in *inputs*."""
    info = cast("kinds.StructType", kinds.type_info(Inputs))
    found: list[Told] = []
    for field in info.fields:
        kind = cast("kinds.Metadata", field.type)
        extra = cast("dict[str, Any]", getattr(kind, "extra", None))
        schema = cast("dict[str, Any]", getattr(kind, "extra_json_schema", None))
        found.append(
            Told(
                name=field.name,
                value=getattr(inputs, field.name),
                unit=extra["unit"],
                meaning=schema["description"],
                is_wanted=extra["is_wanted"],
            )
        )
    return found
