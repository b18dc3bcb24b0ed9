"""Pictures of reports: bars by day, stacked, as SVG that any browser shows."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html import escape

DAYS_SHOWN = 60  # the last ones
COLOURS = ("#2f6f9f", "#e0a030", "#b5473c", "#5b9a68", "#7a5ba6", "#8a8a8a")
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _LEGEND = 960, 360, 78, 52, 46, 150
_PLOT_WIDTH, _PLOT_HEIGHT = _WIDTH - _LEFT - _LEGEND - 16, _HEIGHT - _TOP - _BOTTOM
_LINES = 4  # across, besides the lowest
_FONT = 'font-family="system-ui, sans-serif" font-size="12" fill="#333"'


def bars(title: str, names: Sequence[str], amounts: Mapping[tuple[date, str], int]) -> str:
    """Return a picture of *amounts*: a bar for each day, in which the *names* stand on each other.

    Args:
        title: Above it.
        names: From the lowest part of a bar to the highest; six have colours of their own.
        amounts: By day and name; what is not in it is 0.
    """
    days = _days(amounts)
    highest = max((sum(amounts.get((day, name), 0) for name in names) for day in days), default=0)
    top = _rounded(highest)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="28" {_FONT} font-weight="bold">{escape(title)}</text>',
    ]
    for line in range(_LINES + 1):
        y = _TOP + _PLOT_HEIGHT * (1 - line / _LINES)
        label = f"{top * line / _LINES:,.0f}"
        parts += [
            f'<path d="M {_LEFT} {y:.1f} h {_PLOT_WIDTH}" stroke="#ddd"/>',
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" {_FONT} text-anchor="end">{label}</text>',
        ]
    step = _PLOT_WIDTH / max(1, len(days))
    for place, day in enumerate(days):
        parts += _bar(day, names, amounts, _LEFT + place * step, step, top)
        if place % max(1, -(-len(days) // 10)) == 0:
            x, y = _LEFT + (place + 0.5) * step, _HEIGHT - _BOTTOM + 20
            parts.append(
                f'<text x="{x:.1f}" y="{y}" {_FONT} text-anchor="middle">{day:%b %d}</text>'
            )
    for place, name in enumerate(names):
        x, y = _WIDTH - _LEGEND, _TOP + 4 + place * 22
        parts += [
            f'<rect x="{x}" y="{y}" width="12" height="12" fill="{_colour(place)}"/>',
            f'<text x="{x + 18}" y="{y + 11}" {_FONT}>{escape(_short(name))}</text>',
        ]
    if not days:
        x, y = _LEFT + _PLOT_WIDTH // 2, _TOP + _PLOT_HEIGHT // 2
        parts.append(f'<text x="{x}" y="{y}" {_FONT} text-anchor="middle">Nothing yet</text>')
    return "\n".join([*parts, "</svg>\n"])


def _days(amounts: Mapping[tuple[date, str], int]) -> list[date]:
    """Return the last days up to the newest, those without anything, too."""
    if not amounts:
        return []
    last = max(day for day, _ in amounts)
    first = max(min(day for day, _ in amounts), last - timedelta(days=DAYS_SHOWN - 1))
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _bar(
    day: date,
    names: Sequence[str],
    amounts: Mapping[tuple[date, str], int],
    left: float,
    step: float,
    top: int,
) -> list[str]:
    parts: list[str] = []
    below = 0
    for place, name in enumerate(names):
        amount = amounts.get((day, name), 0)
        if not amount:
            continue
        below += amount
        y, height = _TOP + _PLOT_HEIGHT * (1 - below / top), _PLOT_HEIGHT * amount / top
        parts.append(
            f'<rect x="{left + step * 0.1:.1f}" y="{y:.2f}" width="{step * 0.8:.1f}"'
            f' height="{height:.2f}" fill="{_colour(place)}">'
            f"<title>{escape(name)}, {day}: {amount:,}</title></rect>"
        )
    return parts


def _rounded(amount: int) -> int:
    """Return a round number that is not below *amount*, and that the lines divide."""
    unit = 1
    while True:
        for factor in (4, 8, 12, 20, 40):
            if amount <= factor * unit:
                return factor * unit
        unit *= 10


def _colour(place: int) -> str:
    return COLOURS[min(place, len(COLOURS) - 1)]


def _short(name: str) -> str:
    return name if len(name) <= 20 else name[:19] + "…"
