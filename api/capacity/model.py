"""The cluster of a given size: cores by role, partitions, brokers, storage by year, network, cost.

Everything is a mean times `peak`, priced by CPU a mail, and divided by the utilisation that
keeps queues short (``queueing``). Where two things could be shared, it is assumed they are not.
"""

from math import ceil

import msgspec

from api.capacity.inputs import Inputs
from api.capacity.measured import ms
from topologies.topics import TOPICS

DAY_S = 86_400
YEAR_DAYS = 365
MONTH_DAYS = YEAR_DAYS / 12
YEARS = (1, 2, 3, 5, 10)
REPLICAS_A_BROKER = 4_000  # partitions with their copies, as Kafka's makers advise
READING = ("inbound", "mailbox", "outbound", "feedback")  # roles that share partitions


class Cores(msgspec.Struct, frozen=True, kw_only=True):
    """What one role or engine needs.

    Attributes:
        per_s: What it does, on average.
        ms: CPU of one of these.
        cores: At the peak; of a role as many workers.
    """

    name: str
    per_s: float
    ms: float
    cores: float


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """What lies where after so many years when nothing is deleted, in bytes."""

    years: int
    rows: float  # of mails received
    attachments: float  # of mails received
    rows_disk: float  # with sent copies, replicas and room
    index_disk: float
    objects_disk: float  # attachments and raw messages, with sent mail and room


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Dollars a month, at the end of the first year."""

    cores: float
    fast_disk: float
    objects: float
    network: float

    @property
    def total(self) -> float:
        """All together."""
        return self.cores + self.fast_disk + self.objects + self.network


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment needs. Rates are a second, on average; network in bits at the peak."""

    received_per_s: float
    sent_per_s: float
    roles: tuple[Cores, ...]
    engines: tuple[Cores, ...]
    memory_bytes: float  # of all workers
    cells: int
    cells_by: str  # what asks for so many
    users_a_cell: float
    partitions: int  # of each topic, in a cell
    log_bytes_per_s: float
    log_disk: float
    brokers: int
    brokers_by: str  # what asks for so many
    row_nodes: int  # of Cassandra, after a year
    storage: tuple[Storage, ...]
    network_in: float
    network_out: float
    network_within: float
    cost: Cost
    cost_a_user: float  # dollars a year


def computed(inputs: Inputs) -> Capacity:
    """Return what *inputs* ask for."""
    received = inputs.users * inputs.received_a_day / DAY_S
    sent = inputs.users * inputs.sent_a_day / DAY_S
    roles, engines = _roles(inputs, received, sent), _engines(inputs, received, sent)
    storage = tuple(_storage(inputs, years) for years in YEARS)
    row_nodes = max(inputs.row_copies, ceil(storage[0].rows_disk / inputs.row_node_bytes))
    workers = max(role.cores for role in roles if role.name in READING)
    cells, cells_by = _most(
        {
            "Cassandra's nodes": ceil(row_nodes / inputs.row_nodes_most),
            "partitions": ceil(workers / inputs.partitions_most),
        }
    )
    partitions = max(1, ceil(workers / cells))
    log_bytes_per_s = (received + sent) * inputs.metadata_bytes * inputs.log_writes
    log_disk = log_bytes_per_s * DAY_S * inputs.log_days * inputs.log_copies
    brokers, brokers_by = _brokers(inputs, cells * partitions, log_bytes_per_s, log_disk)
    whole = inputs.metadata_bytes + inputs.attachment_share * inputs.attachment_bytes
    bits = 8 * inputs.peak
    cost = _cost(inputs, roles + engines, storage[0], log_disk, sent * whole)
    return Capacity(
        received_per_s=received,
        sent_per_s=sent,
        roles=roles,
        engines=engines,
        memory_bytes=sum(ceil(role.cores) for role in roles) * inputs.worker_mib * 1024**2,
        cells=cells,
        cells_by=cells_by,
        users_a_cell=inputs.users / cells,
        partitions=partitions,
        log_bytes_per_s=log_bytes_per_s,
        log_disk=log_disk,
        brokers=brokers,
        brokers_by=brokers_by,
        row_nodes=row_nodes,
        storage=storage,
        network_in=(received * inputs.outside_share + sent) * whole * bits,
        network_out=(sent + inputs.users * inputs.opens_a_day / DAY_S) * whole * bits,
        network_within=_within(inputs, received, sent) * bits,
        cost=cost,
        cost_a_user=cost.total * 12 / inputs.users,
    )


def _roles(inputs: Inputs, received: float, sent: float) -> tuple[Cores, ...]:
    def a_second(a_day: float) -> float:
        return inputs.users * a_day / DAY_S

    lists, opens = a_second(inputs.lists_a_day), a_second(inputs.opens_a_day)
    searches, marks = a_second(inputs.searches_a_day), a_second(inputs.marks_a_day)
    asked = lists + opens + searches + sent
    asked_ms = (
        lists * ms("list") + opens * ms("open") + searches * ms("search") + sent * inputs.submit_ms
    ) / asked
    kept = received + sent + marks
    # A change is measured with all roles; that of the mailbox bears nearly all of it.
    kept_ms = ((received + sent) * ms("mailbox") + marks * ms("mark")) / kept
    return (
        _cores(inputs, "smtp", received * inputs.outside_share, ms("smtp")),
        _cores(inputs, "api", asked, asked_ms),
        _cores(inputs, "inbound", received, ms("inbound")),
        _cores(inputs, "mailbox", kept, kept_ms),
        _cores(inputs, "outbound", sent, inputs.outbound_ms),
        _cores(inputs, "feedback", sent, inputs.feedback_ms),
    )


def _engines(inputs: Inputs, received: float, sent: float) -> tuple[Cores, ...]:
    mails = received + sent
    return (
        # One copy was measured: each further one is taken to cost as much.
        _cores(inputs, "Kafka", mails, ms("kafka") * inputs.log_copies),
        _cores(inputs, "Cassandra", mails, ms("cassandra") * inputs.row_copies),
        _cores(inputs, "Elasticsearch", mails, ms("elasticsearch") * inputs.index_copies),
        _cores(inputs, "S3", mails, ms("s3")),
        _cores(inputs, "clamd, Redis", mails, ms("clamd_redis")),
    )


def _cores(inputs: Inputs, name: str, per_s: float, cpu_ms: float) -> Cores:
    cores = per_s * inputs.peak * cpu_ms / 1_000 / inputs.utilisation
    return Cores(name=name, per_s=per_s, ms=cpu_ms, cores=cores)


def _brokers(inputs: Inputs, partitions: int, bytes_per_s: float, disk: float) -> tuple[int, str]:
    replicas = partitions * len(TOPICS) * inputs.log_copies
    return _most(
        {
            "disk": ceil(disk / inputs.broker_disk_bytes),
            "bytes a second": ceil(
                bytes_per_s * inputs.peak * inputs.log_copies / inputs.broker_bytes_per_s
            ),
            "partitions": ceil(replicas / REPLICAS_A_BROKER),
            "copies": inputs.log_copies,
        }
    )


def _most(wanted: dict[str, int]) -> tuple[int, str]:
    """Return the largest of *wanted*, one at least, and its name."""
    by = max(wanted, key=lambda each: wanted[each])
    return max(1, wanted[by]), by


def _storage(inputs: Inputs, years: int) -> Storage:
    days = years * YEAR_DAYS
    received = inputs.users * inputs.received_a_day * days
    sent = inputs.users * inputs.sent_a_day * days
    attached = inputs.attachment_share * inputs.attachment_bytes
    # What a user sends to another here is kept once; what comes from outside, anew each time.
    brought = received * inputs.outside_share + sent
    return Storage(
        years=years,
        rows=received * inputs.metadata_bytes,
        attachments=received * attached,
        rows_disk=(received + sent) * inputs.metadata_bytes * inputs.row_copies * inputs.row_room,
        index_disk=(received + sent) * inputs.index_bytes * inputs.index_copies,
        objects_disk=brought * (attached + inputs.raw_bytes) * inputs.object_room,
    )


def _within(inputs: Inputs, received: float, sent: float) -> float:
    """Return the bytes a second between machines: to the log and from it, rows, index, objects."""
    log = inputs.metadata_bytes * inputs.log_writes * (inputs.log_copies + 1)
    rows = inputs.metadata_bytes * inputs.row_copies
    objects = inputs.attachment_share * inputs.attachment_bytes + inputs.raw_bytes
    index = inputs.index_bytes * inputs.index_copies
    return (received + sent) * (log + rows + index + objects * inputs.object_room)


def _cost(
    inputs: Inputs,
    needed: tuple[Cores, ...],
    storage: Storage,
    log_disk: float,
    out_bytes_per_s: float,
) -> Cost:
    out = out_bytes_per_s * DAY_S * MONTH_DAYS
    return Cost(
        cores=sum(each.cores for each in needed) * inputs.core_price,
        fast_disk=(storage.rows_disk + storage.index_disk + log_disk) / 1e12 * inputs.fast_price,
        objects=storage.objects_disk / 1e12 * inputs.object_price,
        network=out / 1e12 * inputs.network_price,
    )
