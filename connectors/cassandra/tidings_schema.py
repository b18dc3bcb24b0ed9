"""The table behind tidings: a partition a mail, rows that are never changed and go by themselves.

A row is something that its sender is to be told, or says that a round is closed.
"""

KEPT_S = 90 * 86_400

MIGRATIONS = (
    (
        (
            "CREATE TABLE IF NOT EXISTS tidings ("
            " mail_id text, kind text, name text, round text, since_us bigint, told blob,"
            " PRIMARY KEY ((mail_id), kind, name))"
            " WITH compaction = {'class': 'TimeWindowCompactionStrategy',"
            " 'compaction_window_unit': 'DAYS', 'compaction_window_size': '3'}"
            f" AND default_time_to_live = {KEPT_S}"
        ),
    ),
)
