"""The rows of `directory.db` for domains that stand for others, and aliases that go."""

import sqlite3

from connectors.sqlite.directory_rows import held
from topologies.mail import local_names
from topologies.mail.local_names import Held


def domain_aliases(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return (domain, the one of ours that it stands for), sorted."""
    return list(connection.execute("SELECT alias, domain FROM domain_aliases ORDER BY alias"))


def add_domain_alias(connection: sqlite3.Connection, alias: str, domain: str) -> bool:
    """Let a domain stand for one of ours; return False if it did."""
    found = held(connection, [f"@{alias}", f"@{domain}"])
    local_names.check_domain_alias(alias, domain, found)
    if f"@{domain}" in found.get(f"@{alias}", Held()).targets:
        return False
    connection.execute("INSERT OR REPLACE INTO domain_aliases VALUES (?, ?)", [alias, domain])
    return True


def remove_domain_alias(connection: sqlite3.Connection, alias: str) -> bool:
    """Let a domain stand for none of ours; return False if it did not."""
    removed = connection.execute("DELETE FROM domain_aliases WHERE alias = ?", [alias])
    return removed.rowcount == 1


def remove_domain(connection: sqlite3.Connection, domain: str) -> bool:
    """Remove a domain that holds nothing; return False if it was not there."""

    def has(query: str) -> bool:
        return connection.execute(query, [domain]).fetchone() is not None

    local_names.check_empty(
        domain,
        has_users=has("SELECT 1 FROM users WHERE domain = ? LIMIT 1"),
        has_aliases=has("SELECT 1 FROM aliases WHERE domain = ? LIMIT 1"),
        has_others=has("SELECT 1 FROM domain_aliases WHERE domain = ? LIMIT 1"),
    )
    return connection.execute("DELETE FROM domains WHERE domain = ?", [domain]).rowcount == 1


def remove_alias(connection: sqlite3.Connection, alias: str) -> bool:
    """Let *alias* lead nowhere; return False if it did."""
    return connection.execute("DELETE FROM aliases WHERE alias = ?", [alias]).rowcount > 0
