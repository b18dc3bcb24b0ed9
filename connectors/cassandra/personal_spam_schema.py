"""The table of what users taught us about their mail."""

MIGRATIONS = (
    (
        (
            "CREATE TABLE IF NOT EXISTS personal_spam ("
            " user_id text PRIMARY KEY, learnt blob"
            ") WITH compaction = {'class': 'LeveledCompactionStrategy'}"
        ),
    ),
)
