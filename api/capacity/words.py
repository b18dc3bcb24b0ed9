"""Numbers as people read them: three digits, and a unit that fits."""

PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
WORDS = ((1e9, "billion"), (1e6, "million"))


def people(users: float) -> str:
    """Return a number of users for people."""
    for above, word in WORDS:
        if users >= above:
            return f"{users / above:.3g} {word} users"
    return f"{count(users)} users"


def count(value: float) -> str:
    """Return a number for people: whole, or three digits of it."""
    if value >= 1_000_000:
        return f"{value / 1e6:,.3g} million"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def number(value: float) -> str:
    """Return an input as it could be typed."""
    return f"{value:,.0f}" if value >= 1_000 and value == int(value) else f"{value:g}"


def size(value: float) -> str:
    """Return bytes for people, by powers of ten as disks are sold."""
    return _scaled(value, "B")


def bits(value: float) -> str:
    """Return bits a second for people."""
    return _scaled(value, "bit/s")


def money(value: float) -> str:
    """Return dollars for people."""
    return f"{count(value)} $"


def percent(share: float) -> str:
    """Return a share for people; much more than all of it as a multiple."""
    if share >= 10:
        return f"{share:,.0f} times"
    return f"{share * 100:.3g} %" if share >= 0.0001 else "0 %"


def _scaled(value: float, unit: str) -> str:
    for above, prefix in PREFIXES:
        if value >= above:
            scaled = value / above
            return (
                f"{scaled:,.0f} {prefix}{unit}" if scaled >= 100 else f"{scaled:.3g} {prefix}{unit}"
            )
    return f"{value:.3g} {unit}"
