"""The tables of `domains.db`: what others report of our domains, and which policies they have."""

MIGRATIONS = (
    """
    CREATE TABLE reports (
        kind TEXT NOT NULL,
        report TEXT NOT NULL,
        age INTEGER NOT NULL,
        PRIMARY KEY (kind, report)
    ) WITHOUT ROWID;
    CREATE INDEX reports_by_age ON reports (age);
    CREATE TABLE report_rows (
        kind TEXT NOT NULL,
        domain TEXT NOT NULL,
        age INTEGER NOT NULL, -- the day's ordinal, negated: the newest comes first
        report TEXT NOT NULL,
        number INTEGER NOT NULL,
        row BLOB NOT NULL,
        PRIMARY KEY (kind, domain, age, report, number)
    ) WITHOUT ROWID;
    CREATE INDEX report_rows_by_age ON report_rows (age);
    CREATE TABLE sts_policies (
        domain TEXT NOT NULL PRIMARY KEY,
        policy TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
)
