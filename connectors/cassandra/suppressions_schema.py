"""The table of suppression lists; a list lies in several partitions, so that none grows too large.

Entries with an end go by themselves some time after it.
"""

BUCKETS = 16  # of one list
KEPT_AFTER_S = 30 * 86_400  # so that who asks why is told

MIGRATIONS = (
    (
        (
            "CREATE TABLE IF NOT EXISTS suppressions ("
            " owner text, bucket int, target text,"
            " reason text, detail text, since_us bigint, until_us bigint,"
            " PRIMARY KEY ((owner, bucket), target))"
            " WITH compaction = {'class': 'LeveledCompactionStrategy'}"
        ),
    ),
)
