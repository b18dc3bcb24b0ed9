"""The picture of the topology: all of it, and nothing on top of anything else."""

import itertools
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.drawing.layers import Box, Edge, backward, place
from topologies.drawing.svg import as_svg
from topologies.drawing.text import as_mermaid, as_text
from topologies.topology import build

SVG = "{http://www.w3.org/2000/svg}"
RUNS = [
    pytest.param((), (), id="chained"),
    pytest.param(("all",), (), id="all cut"),
    pytest.param(("mail.authenticated",), ("mail.parsed",), id="one cut, one tapped"),
]


@pytest.mark.parametrize(("cuts", "taps"), RUNS)
def test_every_stage_and_topic_is_in_the_picture(
    cuts: tuple[str, ...], taps: tuple[str, ...]
) -> None:
    topology = build(cuts=cuts, taps=taps)
    drawn = ElementTree.fromstring(as_svg(topology))
    named = {element.get("id") for element in drawn.iter(f"{SVG}g")}
    assert {f"stage-{stage.name}" for stage in topology.stages} <= named
    assert {topic.name for topic, _ in topology.heads()} <= named
    assert topology.cuts <= named


@pytest.mark.parametrize(("cuts", "taps"), RUNS)
def test_no_box_of_the_picture_lies_on_another(
    cuts: tuple[str, ...], taps: tuple[str, ...]
) -> None:
    drawn = ElementTree.fromstring(as_svg(build(cuts=cuts, taps=taps)))
    groups = [g for g in drawn.iter(f"{SVG}g") if g.get("class") in ("topic", "chain", "back")]
    boxes = [area(rect) for g in groups for rect in g.findall(f"{SVG}rect")[:1]]
    assert len(boxes) > 30
    for one, other in itertools.combinations(boxes, 2):
        assert not overlap(one, other), (one, other)


def test_the_same_topology_gives_the_same_picture() -> None:
    assert as_svg(build()) == as_svg(build())


def test_a_tapped_step_is_told_in_picture_and_text() -> None:
    topology = build(taps=("mail.parsed",))
    assert "tapped" in as_svg(topology)
    assert "mail.parsed  (tapped)" in as_text(topology)


def test_what_waits_comes_back_in_every_picture() -> None:
    topology = build()
    assert "  └ after 0:01:00 → delivery.due" in as_text(topology)
    assert "delivery_later_1m -- 0:01:00 --> delivery_due" in as_mermaid(topology)
    assert "delivery.later.* → delivery.due" in as_svg(topology)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Box], list[Edge]]:
    count = draw(st.integers(1, 14))
    boxes = [
        Box(name=f"{n}", width=draw(st.integers(5, 90)), height=draw(st.integers(5, 70)))
        for n in range(count)
    ]
    ends = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(ends, ends), max_size=25, unique=True))
    edges = [Edge(source=f"{a}", target=f"{b}", leaves_at=2, enters_at=2) for a, b in pairs]
    return boxes, edges


@given(graphs())
def test_any_graph_is_placed_from_left_to_right_and_apart(
    graph: tuple[list[Box], list[Edge]],
) -> None:
    boxes, edges = graph
    back = backward(boxes, edges)
    forward = [edge for edge in edges if edge not in back]
    placed = place(boxes, forward)
    size = {box.name: box for box in boxes}
    for edge in forward:
        left, right = placed.corners[edge.source][0], placed.corners[edge.target][0]
        assert left + size[edge.source].width < right
    areas = [(*placed.corners[b.name], b.width, b.height) for b in boxes]
    for one, other in itertools.combinations(areas, 2):
        assert not overlap(one, other)
    assert all(x >= 0 and x + w <= placed.width + 1e-6 for x, _, w, _ in areas)
    assert all(y + 1e-6 >= 0 and y + h <= placed.height + 1e-6 for _, y, _, h in areas)


Area = tuple[float, float, float, float]


def area(rect: ElementTree.Element) -> Area:
    x, y, width, height = (float(rect.attrib[each]) for each in ("x", "y", "width", "height"))
    return x, y, width, height


def overlap(one: Area, other: Area) -> bool:
    (x0, y0, w0, h0), (x1, y1, w1, h1) = one, other
    return x0 < x1 + w1 and x1 < x0 + w0 and y0 < y1 + h1 and y1 < y0 + h0
