"""Boxes in columns, from left to right: a small layered layout (Sugiyama), for pictures.

Each box stands right of all that lead to it, boxes of a column are in an order that crosses few
edges, and each is as high up as its neighbours. The same input gives the same picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

COLUMN_GAP = 56.0
ROW_GAP = 14.0
SWEEPS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Something with a size, in pixels."""

    name: str
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One box leads to another.

    Attributes:
        leaves_at: How far below the top of its source it begins.
        enters_at: How far below the top of its target it ends.
    """

    source: str
    target: str
    leaves_at: float
    enters_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where everything is.

    Attributes:
        corners: The upper left corner of each box.
        bends: The points that an edge goes through in columns between its two boxes.
    """

    corners: Mapping[str, tuple[float, float]]
    bends: Mapping[Edge, Sequence[tuple[float, float]]]
    width: float
    height: float


def backward(boxes: Sequence[Box], edges: Sequence[Edge]) -> frozenset[Edge]:
    """Return the edges that close a circle: those that lead to a box they were reached from."""
    leaving: dict[str, list[Edge]] = {box.name: [] for box in boxes}
    for edge in edges:
        leaving[edge.source].append(edge)
    found: set[Edge] = set()
    state: dict[str, str] = {}

    def visit(name: str) -> None:
        state[name] = "open"
        for edge in leaving[name]:
            if state.get(edge.target) == "open":
                found.add(edge)
            elif edge.target not in state:
                visit(edge.target)
        state[name] = "done"

    for box in boxes:
        if box.name not in state:
            visit(box.name)
    return frozenset(found)


def place(boxes: Sequence[Box], edges: Sequence[Edge]) -> Placed:
    """Return where *boxes* are best put; *edges* must close no circle."""
    columns = _columns(boxes, edges)
    size = {box.name: box for box in boxes}
    links: list[tuple[str, float, str, float]] = []  # between neighbouring columns
    through: dict[Edge, list[str]] = {}
    for number, edge in enumerate(edges):
        names = [edge.source]
        for column in range(columns[edge.source] + 1, columns[edge.target]):
            name = f"edge {number} {column}"
            size[name] = Box(name=name, width=0, height=2)
            columns[name] = column
            names.append(name)
        names.append(edge.target)
        through[edge] = names[1:-1]
        for left, right in pairwise(names):
            leaves = edge.leaves_at if left == edge.source else 1
            links.append((left, leaves, right, edge.enters_at if right == edge.target else 1))
    order = _ordered(columns, links)
    tops = _tops(order, size, links)
    corners: dict[str, tuple[float, float]] = {}
    x = 0.0
    for names in order:
        width = max(size[name].width for name in names)
        corners |= {name: (x, tops[name]) for name in names}
        x += width + COLUMN_GAP
    bends: dict[Edge, list[tuple[float, float]]] = {}
    wide = [max(size[name].width for name in names) for names in order]
    for edge, names in through.items():
        bends[edge] = []
        for name in names:
            left, top = corners.pop(name)
            bends[edge] += [(left, top + 1), (left + wide[columns[name]], top + 1)]
    height = max(corners[box.name][1] + box.height for box in boxes)
    return Placed(corners=corners, bends=bends, width=x - COLUMN_GAP, height=height)


def _columns(boxes: Sequence[Box], edges: Sequence[Edge]) -> dict[str, int]:
    """Return the column of each box: one right of the last that leads to it."""
    column = {box.name: 0 for box in boxes}
    for _ in boxes:
        for edge in edges:
            column[edge.target] = max(column[edge.target], column[edge.source] + 1)
    entered = {edge.target for edge in edges}
    for box in boxes:  # what nothing leads to stands right before what it leads to
        after = [column[edge.target] for edge in edges if edge.source == box.name]
        if box.name not in entered and after:
            column[box.name] = min(after) - 1
    return column


def _ordered(
    columns: Mapping[str, int], links: Sequence[tuple[str, float, str, float]]
) -> list[list[str]]:
    """Return the names of each column, ordered so that few links cross."""
    order: list[list[str]] = [[] for _ in range(max(columns.values()) + 1)]
    for name, column in columns.items():
        order[column].append(name)
    best, fewest = [list(names) for names in order], _crossings(order, links)
    for sweep in range(SWEEPS):
        to_right = sweep % 2 == 0
        across: dict[str, list[tuple[str, float]]] = {}
        for left, leaves, right, enters in links:
            name, other, offset = (right, left, leaves) if to_right else (left, right, enters)
            across.setdefault(name, []).append((other, offset))
        place = {name: float(i) for names in order for i, name in enumerate(names)}
        for names in order if to_right else reversed(order):
            where = {
                name: _mean([place[other] + offset / 1000 for other, offset in across[name]])
                if name in across
                else place[name]
                for name in names
            }
            names.sort(key=lambda name: where[name])
            place |= {name: float(i) for i, name in enumerate(names)}
        if (crossings := _crossings(order, links)) < fewest:
            best, fewest = [list(names) for names in order], crossings
    return best


def _crossings(
    order: Sequence[Sequence[str]], links: Sequence[tuple[str, float, str, float]]
) -> int:
    place = {name: (c, i) for c, names in enumerate(order) for i, name in enumerate(names)}
    by_column: dict[int, list[tuple[tuple[float, float], tuple[float, float]]]] = {}
    for left, leaves, right, enters in links:
        column, row = place[left]
        by_column.setdefault(column, []).append(((row, leaves), (place[right][1], enters)))
    return sum(
        (a[0] < b[0] and a[1] > b[1]) or (a[0] > b[0] and a[1] < b[1])
        for found in by_column.values()
        for i, a in enumerate(found)
        for b in found[i + 1 :]
    )


def _tops(
    order: Sequence[Sequence[str]],
    size: Mapping[str, Box],
    links: Sequence[tuple[str, float, str, float]],
) -> dict[str, float]:
    """Return how far down each is: near its neighbours, in order, without touching."""
    tops: dict[str, float] = {}
    for names in order:
        y = 0.0
        for name in names:
            tops[name] = y
            y += size[name].height + ROW_GAP
    near: dict[str, list[tuple[str, float]]] = {}
    for left, leaves, right, enters in links:
        near.setdefault(right, []).append((left, leaves - enters))
        near.setdefault(left, []).append((right, enters - leaves))
    for sweep in range(SWEEPS):
        for names in order if sweep % 2 == 0 else reversed(order):
            wanted = [
                _mean([tops[other] + offset for other, offset in near[name]])
                if name in near
                else tops[name]
                for name in names
            ]
            heights = [size[name].height + ROW_GAP for name in names]
            tops |= dict(zip(names, _apart(wanted, heights), strict=True))
    highest = min(tops.values())
    return {name: top - highest for name, top in tops.items()}


def _apart(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Return places in order, each as much below the one before as that is high.

    They are as near to what is *wanted* as can be, by the sum of squares (isotonic regression).
    """
    before = 0.0
    blocks: list[tuple[float, int]] = []  # mean and number of members that lie against each other
    for place, height in zip(wanted, heights, strict=True):
        mean, count = place - before, 1
        while blocks and blocks[-1][0] > mean:
            other, members = blocks.pop()
            mean = (mean * count + other * members) / (count + members)
            count += members
        blocks.append((mean, count))
        before += height
    flat = [mean for mean, count in blocks for _ in range(count)]
    below = 0.0
    places: list[float] = []
    for mean, height in zip(flat, heights, strict=True):
        places.append(mean + below)
        below += height
    return places


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
