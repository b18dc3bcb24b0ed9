"""The table of mail that waits to be sent: a row a mail, gone some days after its time.

A user's rows are one partition: what they may send in the 30 days that mail can wait bounds it.
"""

MIGRATIONS = (
    (
        (
            "CREATE TABLE IF NOT EXISTS scheduled ("
            " user_id text, email_id text, mail blob,"
            " PRIMARY KEY (user_id, email_id))"
            " WITH compaction = {'class': 'LeveledCompactionStrategy'}"
        ),
    ),
)
