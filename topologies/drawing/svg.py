"""The topology as a picture (SVG 1.1), read from left to right.

A topic is a rounded box with its key. A chain is a box in the colour of its path, with one line for
each of its stages, in the order they are run. What leads back to a topic that stands further left
ends at a box with a broken outline and that topic's name. The topics that records wait in are
drawn as one box for each that they come back to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

from topologies.drawing.layers import Box, Edge, Placed, backward, place
from topologies.drawing.text import due_in
from topologies.stage import Stage
from topologies.topics import BY_NAME, TOPICS, Topic, topic_of
from topologies.topology import Topology

LETTER = 7.3  # pixels of a character, in the font below
LINE = 22.0
HEAD = 20.0  # above the stages of a chain: its path
TOPIC_HEIGHT = 36.0
MARGIN = 24.0
TITLE = 34.0
COLOURS = ("#2563eb", "#15803d", "#b45309", "#a21caf", "#0e7490", "#be123c")

STYLE = """
  text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1f2937 }
  .title { font: bold 16px system-ui, sans-serif }
  .note { font: 11px system-ui, sans-serif; fill: #6b7280 }
  .ground { fill: #ffffff }
  .topic rect { fill: #f3f4f6; stroke: #9ca3af }
  .topic .key { fill: #6b7280; font-size: 10px }
  .back rect { fill: none; stroke: #9ca3af; stroke-dasharray: 4 3 }
  .back text { fill: #4b5563 }
  .chain .body { fill: #ffffff; stroke-width: 1.5 }
  .chain .path { fill: #ffffff; font: bold 11px system-ui, sans-serif }
  .chain .tap { fill: #6b7280; font-size: 10px }
  .edge { fill: none; stroke-width: 1.3; opacity: .75 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e5e7eb }
    .note, .topic .key, .back text, .chain .tap { fill: #9ca3af }
    .ground, .chain .body { fill: #111827 }
    .topic rect { fill: #1f2937; stroke: #6b7280 }
  }
"""

NOTE = (
    "grey: topics, with their key · coloured: chains of stages, run from top to bottom in one"
    " process · ↩ leads back to a topic further left"
)


@dataclass(slots=True, kw_only=True)
class _Chain:
    """Stages that hand on to each other in process, as they are drawn below each other."""

    name: str
    path: str
    room: int  # letters that are left free at the end of each line
    rows: list[tuple[Stage, str]] = field(default_factory=list[tuple[Stage, str]])  # and a mark

    @property
    def box(self) -> Box:
        letters = max(len(stage.name) + 2 + len(mark) for stage, mark in self.rows) + self.room
        width = max(110.0, letters * LETTER + 24, len(self.path) * LETTER + 24)
        return Box(name=self.name, width=width, height=HEAD + LINE * len(self.rows) + 4)


def as_svg(topology: Topology, *, room: int = 0) -> str:
    """Draw the topology as an SVG document.

    Each stage is a group with the id `stage-NAME`, and the end of its line is in its `data-x` and
    `data-y`: whoever shows the picture may write as many letters as there is *room* before it.
    """
    chains = _chains(topology, room)
    waits = _waits()
    boxes = [_box_of(topic) for topic in _drawn(topology)]
    boxes += [Box(name=name, width=_wide(name), height=TOPIC_HEIGHT) for name in waits]
    boxes += [chain.box for chain in chains]
    edges = _edges(topology, chains, waits)
    back = [edge for edge in edges if edge in backward(boxes, edges)]
    forward = [edge for edge in edges if edge not in back]
    chips: list[Box] = []
    for number, edge in enumerate(back):
        chip = Box(name=f"back {number}", width=_wide("↩ " + edge.target), height=24)
        chips.append(chip)
        forward.append(
            Edge(source=edge.source, target=chip.name, leaves_at=edge.leaves_at, enters_at=12)
        )
    placed = place([*boxes, *chips], forward)
    paths = list(dict.fromkeys(stage.path for stage in topology.stages))
    colours = {path: COLOURS[i % len(COLOURS)] for i, path in enumerate(paths)}
    of_chain = {chain.name: colours[chain.path] for chain in chains}
    widths = {box.name: box.width for box in (*boxes, *chips)}
    leads_to = {chip.name: edge.target for chip, edge in zip(chips, back, strict=True)}
    parts = [
        _edge(
            edge,
            leads_to.get(edge.target, edge.target),
            placed,
            widths,
            of_chain.get(edge.source, "#6b7280"),
        )
        for edge in forward
    ]
    parts += [_topic(BY_NAME[t.name], placed) for t in _drawn(topology)]
    parts += [_waiting(name, topics, placed) for name, topics in waits.items()]
    parts += [_chain(chain, placed, colours[chain.path]) for chain in chains]
    parts += [_chip(chip, edge.target, placed) for chip, edge in zip(chips, back, strict=True)]
    return _document(parts, placed)


def _drawn(topology: Topology) -> Sequence[Topic]:
    """Return the topics that are read or written, but for those that records wait in."""
    used = {topic_of(kind).name for s in topology.stages for kind in (*s.reads, *s.writes)}
    return [
        topic
        for topic in TOPICS
        if topic.name in used and topic.delay is None and topology.follower(topic.events[0]) is None
    ]


def _waits() -> dict[str, list[Topic]]:
    """Return the topics that records wait in, under one name for where they come back to."""
    found: dict[str, list[Topic]] = {}
    for topic in TOPICS:
        if topic.delay is not None:
            wait = topic.name.rpartition(".")[2]
            found.setdefault(topic.name.removesuffix(f".{wait}") + ".*", []).append(topic)
    return found


def _chains(topology: Topology, room: int) -> list[_Chain]:
    chains: list[_Chain] = []

    def add(chain: _Chain, stage: Stage, mark: str) -> None:
        chain.rows.append((stage, mark))
        for name in dict.fromkeys(topic_of(kind).name for kind in stage.writes):
            follower = topology.follower(BY_NAME[name].events[0])
            if follower is not None:
                add(chain, follower, "tapped" if name in topology.taps else "")

    for _, head in topology.heads():
        chain = _Chain(name=f"chain {head.name}", path=head.path, room=room)
        add(chain, head, "")
        chains.append(chain)
    return chains


def _edges(
    topology: Topology, chains: Sequence[_Chain], waits: dict[str, list[Topic]]
) -> list[Edge]:
    shown_as = {topic.name: name for name, topics in waits.items() for topic in topics}
    middle = TOPIC_HEIGHT / 2
    edges: dict[Edge, None] = {}
    for chain in chains:
        read = topic_of(chain.rows[0][0].reads[0]).name
        enters = HEAD + LINE / 2
        edges[Edge(source=read, target=chain.name, leaves_at=middle, enters_at=enters)] = None
        for row, (stage, _) in enumerate(chain.rows):
            leaves = HEAD + LINE * (row + 0.5)
            for name in dict.fromkeys(topic_of(kind).name for kind in stage.writes):
                if topology.follower(BY_NAME[name].events[0]) is None:
                    target = shown_as.get(name, name)
                    edge = Edge(
                        source=chain.name, target=target, leaves_at=leaves, enters_at=middle
                    )
                    edges[edge] = None
    for name, topics in waits.items():
        to = due_in(topics[0])
        edges[Edge(source=name, target=to, leaves_at=middle, enters_at=middle)] = None
    return list(edges)


def _box_of(topic: Topic) -> Box:
    return Box(name=topic.name, width=_wide(topic.name), height=TOPIC_HEIGHT)


def _wide(text: str) -> float:
    return len(text) * LETTER + 22


def _edge(edge: Edge, to: str, placed: Placed, widths: dict[str, float], colour: str) -> str:
    left, top = placed.corners[edge.source]
    points = [(left + widths[edge.source], top + edge.leaves_at), *placed.bends[edge]]
    right, end = placed.corners[edge.target]
    points.append((right - 5, end + edge.enters_at))
    drawn = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        half = max(12.0, (x1 - x0) / 2)
        drawn += f" C{x0 + half:.1f},{y0:.1f} {x1 - half:.1f},{y1:.1f} {x1:.1f},{y1:.1f}"
    told = f"{edge.source.removeprefix('chain ')} → {to.removeprefix('chain ')}"
    return (
        f'<path class="edge" stroke="{colour}" marker-end="url(#arrow)" d="{drawn}">'
        f"<title>{escape(told)}</title></path>"
    )


def _topic(topic: Topic, placed: Placed) -> str:
    x, y = placed.corners[topic.name]
    holds = ", ".join(kind.__name__ for kind in topic.events)
    return (
        f'<g class="topic" id="{escape(topic.name)}"><title>{escape(holds)}</title>'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{_wide(topic.name):.1f}" height="{TOPIC_HEIGHT}"'
        f' rx="12"/><text x="{x + 11:.1f}" y="{y + 16:.1f}">{escape(topic.name)}</text>'
        f'<text class="key" x="{x + 11:.1f}" y="{y + 29:.1f}">by {escape(topic.key)}</text></g>'
    )


def _waiting(name: str, topics: Sequence[Topic], placed: Placed) -> str:
    x, y = placed.corners[name]
    waits = " ".join(topic.name.rpartition(".")[2] for topic in topics)
    return (
        f'<g class="topic"><title>{escape(", ".join(t.name for t in topics))}</title>'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{_wide(name):.1f}" height="{TOPIC_HEIGHT}"'
        f' rx="12"/><text x="{x + 11:.1f}" y="{y + 16:.1f}">{escape(name)}</text>'
        f'<text class="key" x="{x + 11:.1f}" y="{y + 29:.1f}">{escape(waits)}</text></g>'
    )


def _chain(chain: _Chain, placed: Placed, colour: str) -> str:
    x, y = placed.corners[chain.name]
    box = chain.box
    head = (
        f'<g class="chain"><rect class="body" x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}"'
        f' height="{box.height:.1f}" rx="5" stroke="{colour}"/>'
        f'<path d="M{x:.1f},{y + HEAD - 2:.1f} v-{HEAD - 7:.0f} a5,5 0 0 1 5,-5'
        f' h{box.width - 10:.1f} a5,5 0 0 1 5,5 v{HEAD - 7:.0f} z" fill="{colour}"/>'
        f'<text class="path" x="{x + 9:.1f}" y="{y + 13:.1f}">{escape(chain.path)}</text>'
    )
    parts = [head]
    for row, (stage, mark) in enumerate(chain.rows):
        middle = y + HEAD + LINE * (row + 0.5)
        said = f' <tspan class="tap">{mark}</tspan>' if mark else ""
        reads = ", ".join(kind.__name__ for kind in stage.reads)
        writes = ", ".join(kind.__name__ for kind in stage.writes) or "nothing"
        parts.append(
            f'<g id="stage-{escape(stage.name)}" data-x="{x + box.width - 12:.1f}"'
            f' data-y="{middle + 4:.1f}"><title>reads {reads}; writes {writes}</title>'
            f'<text x="{x + 12:.1f}" y="{middle + 4:.1f}">{escape(stage.name)}{said}</text></g>'
        )
        if row:
            above = middle - LINE / 2
            parts.append(
                f'<path d="M{x + 8:.1f},{above:.1f} h{box.width - 16:.1f}" stroke="{colour}"'
                ' stroke-opacity=".25"/>'
            )
    return "".join(parts) + "</g>"


def _chip(chip: Box, target: str, placed: Placed) -> str:
    x, y = placed.corners[chip.name]
    return (
        f'<a href="#{escape(target)}"><g class="back"><rect x="{x:.1f}" y="{y:.1f}"'
        f' width="{chip.width:.1f}" height="{chip.height:.0f}" rx="10"/>'
        f'<text x="{x + 11:.1f}" y="{y + 16:.1f}">↩ {escape(target)}</text></g></a>'
    )


def _document(parts: Sequence[str], placed: Placed) -> str:
    width, height = placed.width + 2 * MARGIN, placed.height + 2 * MARGIN + TITLE
    body = "\n".join(parts)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"
 viewBox="0 0 {width:.0f} {height:.0f}" role="img">
<title>The topology of Rillmail</title>
<style>{STYLE}</style>
<defs><marker id="arrow" viewBox="0 0 6 6" refX="1" refY="3" markerWidth="6" markerHeight="6"
 orient="auto"><path d="M0,0 6,3 0,6z" fill="context-stroke"/></marker></defs>
<rect class="ground" width="{width:.0f}" height="{height:.0f}"/>
<text class="title" x="{MARGIN}" y="{MARGIN + 8}">How mail flows</text>
<text class="note" x="{MARGIN + 170}" y="{MARGIN + 8}">{NOTE}</text>
<g transform="translate({MARGIN},{MARGIN + TITLE})">
{body}
</g>
</svg>"""
