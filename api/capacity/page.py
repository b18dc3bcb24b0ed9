"""What the model says, for people: the page docs/capacity.md, and the same in a terminal."""

from collections.abc import Iterable, Sequence

from api.capacity.inputs import Inputs, described
from api.capacity.measured import MEASURED, ms
from api.capacity.model import Capacity, Cores, computed
from api.capacity.node import SIZES, filled, most_users
from api.capacity.queueing import Outage, expected_drain_s, expected_wait_s, simulated
from api.capacity.words import bits, count, money, number, people, percent, size

SIMULATED = (0.3, 0.6, 0.8, 0.9)  # utilisations
SIMULATED_MAILS = 20_000
AWAY_S = 15.0  # a killed worker's partitions, at most (docs/failures.md)
Table = tuple[Sequence[str], list[list[str]]]

_INTRO = """# What a deployment of a given size needs

`rillmail capacity` computes this page from what one mail costs; `rillmail capacity --markdown`
prints it anew. Every input can be told otherwise:

    rillmail capacity --users 5000000 --set peak=4 --set core_price=30

It is a model. Nothing of this size was run: what one mail costs was measured on two cores that
engines and roles shared, some of it while others worked on them
([performance.md](performance.md)), and multiplied. It says which order of magnitude a plan has, and
what to look at first; before anything is bought, measure on machines of the kind that will run it.
"""
_MISSING = """## What the model leaves out

- **Cells.** A topic has at most 256 partitions, a worker works on one core, and nobody runs a
  Cassandra of any number of nodes; so one Kafka with its workers, Cassandra and index bears so many
  users and no more. A deployment that is larger consists of several cells, each with its own
  domains. Rillmail has no switch before cells: the MX record and the address of the API of a domain
  name its cell, and one domain can't be larger than one cell.
- **Old mail on cheap disks.** Texts lie in Cassandra for ever, three times and on fast disks: that
  is nearly all of the cost. To keep what is old in the object store instead is not built.
- **Machines that fail** while the peak lasts: add to each role and engine what you want to lose.
- **Engines at work on themselves**: compaction, repair and rebuilds take as much again for hours.
- **Mail that nobody wants.** What is refused at SMTP costs little, and comes in multiples.
- **Deleting.** Nothing is deleted in it, and nothing grows old; what users throw away is saved.
- **A second copy of everything** somewhere else.
- **People** who run it.
"""


def as_page(inputs: Inputs) -> str:
    """Return the page in Markdown."""
    told = computed(inputs)
    parts = [_INTRO, f"For {people(inputs.users)}:\n", _summary(told)]
    for heading, text, table in _sections(inputs, told):
        parts += [f"## {heading}", ""]
        if text:
            parts += [text, ""]
        if table:
            parts += [*_markdown(*table), ""]
    return "\n".join([*parts, _MISSING.rstrip("\n")])


def as_tables(inputs: Inputs) -> Iterable[tuple[str, Table]]:
    """Return the tables of the page for a terminal, each with its heading."""
    for heading, _, table in _sections(inputs, computed(inputs)):
        if table:
            yield heading, (table[0], [[_plain(cell) for cell in row] for row in table[1]])


def _summary(told: Capacity) -> str:
    workers, engines = count(_sum(told.roles)), count(_sum(told.engines))
    first, cost = told.storage[0], told.cost
    disk, cores = percent(cost.fast_disk / cost.total), percent(cost.cores / cost.total)
    return f"""\
- {count(told.received_per_s)} mails received and {count(told.sent_per_s)} sent a second on average;
- {workers} cores of workers and {engines} of engines at the peak, in {told.cells:,} cells;
- {size(first.rows)} of metadata and {size(first.attachments)} of attachments received a year,
  {size(first.rows_disk + first.objects_disk)} on disks;
- {money(cost.total)} a month at the end of the first year, {told.cost_a_user:.2f} $ a user and
  year: {disk} of it for fast disks, {cores} for cores.
"""


def _sections(inputs: Inputs, told: Capacity) -> Iterable[tuple[str, str, Table | None]]:
    yield "What is asked for, and assumed", "", _inputs(inputs)
    text = (
        "CPU of one mail or request, each from the line of [performance.md](performance.md) that"
        " is named; a test compares them."
    )
    yield "What was measured", text, _measured()
    text = "Of a role as many workers: each works on one core."
    yield "Cores", text, _cores(inputs, [*told.roles, *told.engines])
    yield "Partitions, brokers, nodes", "", _log(inputs, told)
    yield "Storage by year", "When nothing is deleted.", _storage(told)
    yield "Network", "At the peak.", _network(told)
    text = "A month, at the end of the first year, by the prices assumed above."
    yield "Cost", text, _cost(told)
    text = (
        "The embedded service on one machine as assumed above: how much of each resource its users"
        " take in the busiest second; of room, in a year."
    )
    yield "What breaks first on one machine", text, _nodes(inputs)
    text = "By each resource; by room, for a year."
    yield "How many users one machine bears", text, _most(inputs)
    yield "Why cores are not planned full", _waiting_text(inputs), _waiting()


def _inputs(inputs: Inputs) -> Table:
    rows = [
        [
            f"`{each.name}`",
            f"{number(each.value)} {each.unit}".strip(),
            each.meaning,
            "asked for" if each.is_wanted else "assumed",
        ]
        for each in described(inputs)
    ]
    return ("input", "value", "means", ""), rows


def _measured() -> Table:
    rows = [
        [figure.meaning, f"{figure.value:g} {figure.unit}", f"{figure.section}: {figure.row}"]
        for figure in MEASURED.values()
    ]
    return ("figure", "value", "line"), rows


def _cores(inputs: Inputs, needed: Sequence[Cores]) -> Table:
    def row(name: str, cores: float, rate: str = "", cpu: str = "") -> list[str]:
        return [name, rate, cpu, count(cores), count(inputs.users / cores)]

    rows = [row(e.name, e.cores, count(e.per_s), f"{e.ms:.2f}") for e in needed]
    heading = ("", "a second", "ms each", "cores at the peak", "users a core")
    return heading, [*rows, row("together", _sum(needed))]


def _log(inputs: Inputs, told: Capacity) -> Table:
    rows = [
        ["cells", f"{told.cells:,}", f"of {people(told.users_a_cell)} each, by {told.cells_by}"],
        ["partitions of each topic, in a cell", f"{told.partitions:,}", "one for each worker"],
        ["Kafka takes", f"{size(told.log_bytes_per_s)}/s", "on average, before copies"],
        ["Kafka holds", size(told.log_disk), f"{inputs.log_days:g} days, with copies"],
        ["Kafka's brokers", f"{told.brokers:,}", f"by {told.brokers_by}"],
        ["Cassandra's nodes", f"{told.row_nodes:,}", "after a year, by room"],
        ["memory of workers", size(told.memory_bytes), ""],
    ]
    return ("", "", ""), rows


def _storage(told: Capacity) -> Table:
    rows = [
        [str(each.years)]
        + [size(value) for value in (each.rows, each.attachments)]
        + [size(value) for value in (each.rows_disk, each.index_disk, each.objects_disk)]
        for each in told.storage
    ]
    heading = ("years", "metadata received", "attachments received")
    return (*heading, "Cassandra's disks", "Elasticsearch's", "object store's"), rows


def _network(told: Capacity) -> Table:
    rows = [
        ["from others and users", bits(told.network_in)],
        ["to others and users", bits(told.network_out)],
        ["between machines", bits(told.network_within)],
    ]
    return ("", ""), rows


def _cost(told: Capacity) -> Table:
    cost = told.cost
    rows = [
        ["cores", money(cost.cores)],
        ["fast disks: Cassandra, Elasticsearch, Kafka", money(cost.fast_disk)],
        ["object store", money(cost.objects)],
        ["network to others", money(cost.network)],
        ["together", money(cost.total)],
    ]
    return ("", "a month"), rows


def _nodes(inputs: Inputs) -> Table:
    nodes = [filled(inputs, users) for users in SIZES]
    rows = [
        [use.what, *(percent(node.uses[at].share) for node in nodes)]
        for at, use in enumerate(nodes[0].uses)
    ]
    rows.append(["**breaks first**", *(f"**{node.breaks}**" for node in nodes)])
    return ("", *(people(size) for size in SIZES)), rows


def _most(inputs: Inputs) -> Table:
    return ("", "users"), [[what, count(most)] for what, most in most_users(inputs).items()]


def _waiting_text(inputs: Inputs) -> str:
    return (
        "A worker of `mailbox`, mails at random: how long one waits by how full its core is, by"
        " the formula of Pollaczek and Khinchine, and in a simulation of"
        f" {SIMULATED_MAILS:,} mails; and how long after {AWAY_S:g} s without it, as when it is"
        f" killed, its queue is worked off. The model plans {percent(inputs.utilisation)}."
    )


def _waiting() -> Table:
    service_s = ms("mailbox") / 1_000
    rows: list[list[str]] = []
    for utilisation in SIMULATED:
        waiting, _ = simulated(utilisation, service_s, mails=SIMULATED_MAILS)
        outage = Outage(begins_s=10.0, lasts_s=AWAY_S)
        mails = int((10 + 1.5 * AWAY_S / (1 - utilisation)) * utilisation / service_s)
        _, drained_s = simulated(utilisation, service_s, mails=mails, workers=1, outage=outage)
        rows.append(
            [
                percent(utilisation),
                f"{expected_wait_s(utilisation, service_s) * 1_000:.1f} ms",
                f"{waiting.mean_s * 1_000:.1f} ms",
                f"{waiting.p99_s * 1_000:.0f} ms",
                f"{expected_drain_s(utilisation, AWAY_S):.0f} s",
                f"{drained_s:.0f} s",
            ]
        )
    heading = ("core is used", "waits: computed", "simulated", "99 of 100 at most")
    return (*heading, "worked off: computed", "simulated"), rows


def _sum(each: Iterable[Cores]) -> float:
    return sum(e.cores for e in each)


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def _plain(cell: str) -> str:
    return cell.replace("**", "").replace("`", "")
