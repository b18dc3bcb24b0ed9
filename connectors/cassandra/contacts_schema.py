"""The table of contacts: one partition a user, which is bounded, as their number is."""

MIGRATIONS = (
    (
        (
            "CREATE TABLE IF NOT EXISTS contacts ("
            " user_id text, key text,"
            " seq bigint static,"  # of the last mail that was learnt from
            " size int static,"  # at least how many rows there are
            " address text, name text, own_name text, uses int, used_us bigint,"
            " PRIMARY KEY (user_id, key))"
            " WITH compaction = {'class': 'LeveledCompactionStrategy'}"
        ),
    ),
)
