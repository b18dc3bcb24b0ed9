"""Names that a type does not have are found, and those that it has are not."""

from typing import Any

import msgspec
import pytest

from tests.examples import EXAMPLES, Example, example
from topologies.events import Deliver
from topologies.json_pointer import put
from topologies.known_fields import unknown_field


@pytest.mark.parametrize("one", EXAMPLES, ids=str)
def test_every_example_has_known_names_alone(one: Example) -> None:
    event = one.event
    assert unknown_field(type(event), msgspec.json.decode(msgspec.json.encode(event))) == ""


@pytest.mark.parametrize(
    "pointer", ["/subjekt", "/message/subjekt", "/message/from/0/nam", "/spam/a~1b"]
)
def test_a_name_that_is_wrong_is_found_where_it_is(pointer: str) -> None:
    event: Any = msgspec.json.decode(msgspec.json.encode(example("mailbox.deliver-1").event))
    assert unknown_field(Deliver, put(event, pointer, "x")) == pointer
