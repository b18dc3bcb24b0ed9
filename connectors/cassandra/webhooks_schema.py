"""The tables of webhooks: a small partition for each owner, and what they answered for a week.

Nothing is taken from them as from a queue: what waits is on the log.
"""

KEPT_S = 7 * 86_400

_FOR_DAYS = (
    "compaction = {'class': 'TimeWindowCompactionStrategy',"
    " 'compaction_window_unit': 'DAYS', 'compaction_window_size': '1'}"
    f" AND default_time_to_live = {KEPT_S}"
)

MIGRATIONS = (
    (
        (
            "CREATE TABLE IF NOT EXISTS webhooks ("
            " owner text, webhook_id text, kept blob, disabled_us bigint, disabled_why text,"
            " failing_since_us bigint, failures int,"
            " PRIMARY KEY ((owner), webhook_id))"
            " WITH compaction = {'class': 'LeveledCompactionStrategy'}"
        ),
        # Whether an attempt was made already.
        (
            "CREATE TABLE IF NOT EXISTS webhook_attempts ("
            f" message_id text, attempt int, kept blob, PRIMARY KEY ((message_id), attempt))"
            f" WITH {_FOR_DAYS}"
        ),
        # The same for whoever looks at one webhook: a partition for each hour.
        (
            "CREATE TABLE IF NOT EXISTS webhook_attempts_by_hour ("
            " webhook_id text, hour int, attempted_us bigint, message_id text, attempt int,"
            " kept blob, PRIMARY KEY ((webhook_id, hour), attempted_us, message_id, attempt))"
            " WITH CLUSTERING ORDER BY (attempted_us DESC, message_id DESC, attempt DESC)"
            f" AND {_FOR_DAYS}"
        ),
    ),
)
