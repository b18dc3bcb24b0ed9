"""The table of wishes to get no more mail: a small row a mail that somebody asked for."""

MIGRATIONS = (
    (
        (
            "CREATE TABLE IF NOT EXISTS unsubscribes ("
            " user_id text, email_id text, kept blob,"
            " PRIMARY KEY (user_id, email_id))"
            " WITH compaction = {'class': 'LeveledCompactionStrategy'}"
        ),
    ),
)
