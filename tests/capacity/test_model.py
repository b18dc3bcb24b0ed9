"""The model of a cluster, and of one machine."""

from typing import cast

import msgspec.inspect as kinds
import pytest

from api.capacity.inputs import Inputs, with_values
from api.capacity.measured import ms
from api.capacity.model import Capacity, computed
from api.capacity.node import filled, most_users
from connectors.settings import Settings
from topologies.errors import Misconfigured

PETABYTE = 1e15


def test_a_billion_users_come_to_the_rates_and_sizes_that_are_designed_for() -> None:
    told = computed(Inputs())
    assert (round(told.sent_per_s, -3), round(told.received_per_s, -3)) == (116_000, 463_000)
    year = told.storage[0]
    assert (year.rows / PETABYTE, year.attachments / PETABYTE) == (730, 1_460)


def test_cores_are_rate_by_cost_by_peak_over_utilisation() -> None:
    inputs = Inputs(users=86_400, received_a_day=1, sent_a_day=1, peak=3, utilisation=0.5)
    assert cores(computed(inputs), "inbound") == pytest.approx(3 * ms("inbound") / 1_000 / 0.5)


@pytest.mark.parametrize("what", ["roles", "engines"])
def test_twice_the_users_need_twice_the_cores(what: str) -> None:
    one, two = (computed(Inputs(users=users)) for users in (1e6, 2e6))
    for single, double in zip(getattr(one, what), getattr(two, what), strict=True):
        assert double.cores == pytest.approx(2 * single.cores)


def test_a_cell_has_no_more_partitions_than_the_setting_allows() -> None:
    info = cast("kinds.StructType", kinds.type_info(Settings))
    [field] = [each for each in info.fields if each.name == "partitions"]
    kind = cast("kinds.Metadata", field.type).type
    assert cast("kinds.IntType", kind).le == Inputs().partitions_most
    for users in (1, 1e3, 1e6, 1e9):
        told = computed(Inputs(users=users))
        assert 1 <= told.partitions <= Inputs().partitions_most
        assert told.partitions * told.cells >= cores(told, "mailbox")


def test_few_users_need_one_cell_and_as_many_engines_as_there_are_copies() -> None:
    told = computed(Inputs(users=10))
    assert (told.cells, told.partitions, told.brokers, told.row_nodes) == (1, 1, 3, 3)


def test_the_cost_is_that_of_its_parts() -> None:
    told = computed(Inputs())
    free = computed(Inputs(core_price=1e-9, fast_price=1e-9, network_price=1e-9))
    assert free.cost.total == pytest.approx(told.cost.objects, rel=1e-6)
    assert told.cost_a_user == pytest.approx(told.cost.total * 12 / 1e9)


# --- one machine --------------------------------------------------------------------


def test_what_breaks_first_depends_on_how_many_users_a_machine_has() -> None:
    few, some, many = (filled(Inputs(), users).breaks for users in (10, 1_000, 1_000_000))
    assert few.startswith("nothing")
    assert some.startswith("the disk's room, after ")
    assert many.startswith("at once: the core that works off mail")


def test_a_machine_that_is_filled_as_told_is_full() -> None:
    for what, users in most_users(Inputs()).items():
        [use] = [use for use in filled(Inputs(), users).uses if use.what == what]
        assert use.share == pytest.approx(1)


# --- inputs -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("user", "5", "user is no input: there are "),
        ("users", "many", "Expected `float`"),
        ("users", "0", "Expected `float` > 0"),
        ("users", "inf", "Expected `float`"),
        ("users", "nan", "users"),
        ("utilisation", "1", "Expected `float` < 1"),
        ("row_copies", "2.5", "Expected `int`"),
    ],
)
def test_an_input_that_does_not_fit_is_refused(name: str, value: str, words: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        with_values({name: value})
    assert words in str(refused.value)


def cores(told: Capacity, name: str) -> float:
    [found] = [each.cores for each in (*told.roles, *told.engines) if each.name == name]
    return found
