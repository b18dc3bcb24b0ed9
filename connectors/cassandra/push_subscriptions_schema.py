"""The table of browsers' subscriptions: a small partition for each user."""

MIGRATIONS = (
    (
        (
            "CREATE TABLE IF NOT EXISTS push_subscriptions ("
            " user_id text, subscription_id text, endpoint text, public_key blob, auth blob,"
            " name text, created_us bigint,"
            " PRIMARY KEY ((user_id), subscription_id))"
            " WITH compaction = {'class': 'LeveledCompactionStrategy'}"
        ),
    ),
)
