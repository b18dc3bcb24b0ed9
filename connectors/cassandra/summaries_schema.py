"""The tables of what is reported to owners of other domains: by day, gone by themselves.

The facts of a window lie in several partitions, since a day of a large domain has many mails.
"""

SHARDS = 32
KEPT_S = 8 * 86_400

_BY_TIME = (
    " WITH compaction = {'class': 'TimeWindowCompactionStrategy',"
    " 'compaction_window_unit': 'DAYS', 'compaction_window_size': '1'}"
    f" AND default_time_to_live = {KEPT_S}"
)

MIGRATIONS = (
    (
        (
            "CREATE TABLE IF NOT EXISTS summary_windows ("
            " kind text, domain text, day date, what text, name text,"
            " PRIMARY KEY ((kind, domain, day), what, name))" + _BY_TIME
        ),
        (
            "CREATE TABLE IF NOT EXISTS summary_facts ("
            " kind text, domain text, day date, shard int, name text, fact blob,"
            " PRIMARY KEY ((kind, domain, day, shard), name))" + _BY_TIME
        ),
    ),
)
