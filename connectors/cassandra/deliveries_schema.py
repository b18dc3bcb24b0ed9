"""The tables behind deliveries: rows of some days or months that go by themselves.

Nothing is deleted and nothing is taken from a table as from a queue: what is overwritten is
written with the number of its attempt as timestamp, so that a late writer can't undo what a
later attempt came to. The operators' view has a partition for an hour of one destination, and
one for an hour of all (of the destination "").
"""

from datetime import timedelta

from topologies.ports.deliveries import KEPT

KEPT_S = KEPT // timedelta(seconds=1)
LISTED_S = 14 * 86_400

# Small rows that are overwritten; and their timestamps are no times, so windows can't part them.
_FOR_MONTHS = (
    f"compaction = {{'class': 'LeveledCompactionStrategy'}} AND default_time_to_live = {KEPT_S}"
)
_FOR_DAYS = (
    "compaction = {'class': 'TimeWindowCompactionStrategy',"
    " 'compaction_window_unit': 'DAYS', 'compaction_window_size': '1'}"
    f" AND default_time_to_live = {LISTED_S}"
)

MIGRATIONS = (
    (
        # Each recipient of a mail, and what the last attempt came to.
        (
            "CREATE TABLE IF NOT EXISTS delivery_recipients ("
            " mail_id text, delivery_id text, recipient text, told blob,"
            " user_id text, mail_from text, destination text, kind text, submitted_us bigint,"
            f" PRIMARY KEY ((mail_id), delivery_id, recipient)) WITH {_FOR_MONTHS}"
        ),
        # Which mail a delivery is of, and what was ordered.
        (
            "CREATE TABLE IF NOT EXISTS deliveries ("
            f" delivery_id text PRIMARY KEY, mail_id text, told_order text) WITH {_FOR_MONTHS}"
        ),
        (
            "CREATE TABLE IF NOT EXISTS delivery_attempts ("
            " delivery_id text, attempt int, results blob,"
            f" PRIMARY KEY ((delivery_id), attempt)) WITH {_FOR_DAYS}"
        ),
        (
            "CREATE TABLE IF NOT EXISTS delivery_queue ("
            " destination text, hour int, submitted_us bigint, delivery_id text, mail_id text,"
            " PRIMARY KEY ((destination, hour), submitted_us, delivery_id))"
            f" WITH {_FOR_DAYS}"
        ),
    ),
    # Where one goes in place of its destination's own hosts.
    ("ALTER TABLE deliveries ADD via text",),
)
