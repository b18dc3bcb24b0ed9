"""The tables of what others report of our domains, and of the policies that they have.

A day of a domain is a partition of its own. Rows go by themselves when their time is over.
"""

MIGRATIONS = (
    (
        (
            "CREATE TABLE IF NOT EXISTS domain_reports ("
            " kind text, report text, rows int,"
            " PRIMARY KEY ((kind, report)))"
            " WITH compaction = {'class': 'LeveledCompactionStrategy'}"
        ),
        (
            "CREATE TABLE IF NOT EXISTS domain_report_rows ("
            " kind text, domain text, day date, report text, number int, row blob,"
            " PRIMARY KEY ((kind, domain, day), report, number))"
        ),
        (
            "CREATE TABLE IF NOT EXISTS sts_policies ("
            " domain text PRIMARY KEY, policy text)"
            " WITH compaction = {'class': 'LeveledCompactionStrategy'}"
        ),
    ),
)
