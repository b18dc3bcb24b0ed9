"""The tables behind mailboxes.

One row partition for each question that is asked, none of which grows without bound: see
ADR 6. Rows of a mailbox are written with the number of its last change as their timestamp, so
that whatever is written twice, late or by two at once ends as its last command left it. Never
write to these tables with a timestamp of the clock.
"""

KEPT_S = 31 * 86_400  # of what a command led to: the time it counts, and a day for slow clocks
GRACE_S = 3 * 86_400  # repair each table within this time, or deleted rows may come back

# Small rows that are overwritten and deleted: levels keep them in few files.
_MANY_VERSIONS = (
    "compaction = {'class': 'LeveledCompactionStrategy'}"
    f" AND gc_grace_seconds = {GRACE_S} AND speculative_retry = '99p'"
)
# Written once, gone all at once when their time is over: whole files are dropped.
_FOR_A_TIME = (
    "compaction = {'class': 'TimeWindowCompactionStrategy',"
    " 'compaction_window_unit': 'DAYS', 'compaction_window_size': '2'}"
    f" AND default_time_to_live = {KEPT_S} AND gc_grace_seconds = {GRACE_S}"
)
# Written once and read seldom.
_WRITTEN_ONCE = (
    f"compaction = {{'class': 'SizeTieredCompactionStrategy'}} AND gc_grace_seconds = {GRACE_S}"
)

MIGRATIONS = (
    (
        # A mailbox and its folders: what one command changes in here, it changes at once.
        (
            "CREATE TABLE IF NOT EXISTS mailboxes ("
            " user_id text, folder_id text,"
            " seq bigint static, used_bytes bigint static, redo blob static,"
            " name text, is_deleting boolean, total_count int, unread_count int, buckets blob,"
            f" PRIMARY KEY (user_id, folder_id)) WITH {_MANY_VERSIONS}"
        ),
        # The lines of listings, newest first; a bucket is a stretch of time in one folder.
        (
            "CREATE TABLE IF NOT EXISTS emails ("
            " user_id text, folder_id text, bucket bigint, email_id blob,"
            " thread_id blob, is_read boolean, is_starred boolean, changed_seq bigint, line blob,"
            " PRIMARY KEY ((user_id, folder_id, bucket), email_id))"
            f" WITH CLUSTERING ORDER BY (email_id DESC) AND {_MANY_VERSIONS}"
        ),
        # Every mail there ever was, by its id. Those gone for good have an empty folder.
        (
            "CREATE TABLE IF NOT EXISTS mails ("
            " user_id text, email_id blob, folder_id text,"
            " thread_id blob, is_read boolean, is_starred boolean, changed_seq bigint, line blob,"
            f" body blob, PRIMARY KEY ((user_id, email_id))) WITH {_WRITTEN_ONCE}"
            " AND compression = {'class': 'LZ4Compressor', 'chunk_length_in_kb': 16}"
        ),
        # The members of a thread: kind 0 a mail, kind 1 a thread that it took up.
        (
            "CREATE TABLE IF NOT EXISTS threads ("
            " user_id text, thread_id blob, into_id blob static, size int static,"
            " kind tinyint, member blob,"
            f" PRIMARY KEY ((user_id, thread_id), kind, member)) WITH {_MANY_VERSIONS}"
        ),
        (
            "CREATE TABLE IF NOT EXISTS message_ids ("
            " user_id text, digest blob, thread_id blob,"
            f" PRIMARY KEY ((user_id, digest))) WITH {_WRITTEN_ONCE}"
        ),
        (
            "CREATE TABLE IF NOT EXISTS copies ("
            " mail_id blob, user_id text, email_id blob,"
            f" PRIMARY KEY (mail_id, user_id, email_id)) WITH {_WRITTEN_ONCE}"
        ),
        # What each command led to, by its id and in order.
        (
            "CREATE TABLE IF NOT EXISTS commands ("
            " user_id text, command_id text, written_at timestamp, events blob,"
            f" PRIMARY KEY ((user_id, command_id))) WITH {_FOR_A_TIME}"
        ),
        (
            "CREATE TABLE IF NOT EXISTS changes ("
            " user_id text, stretch bigint, last_seq bigint,"
            " command_id text, written_at timestamp, events blob,"
            f" PRIMARY KEY ((user_id, stretch), last_seq)) WITH {_FOR_A_TIME}"
        ),
    ),
    # Labels lie beside the folders, and the mails that carry one in buckets of their own. What
    # few mails have besides is kept as ``connectors.mail_marks`` writes it.
    (
        "ALTER TABLE mailboxes ADD colour text",
        "ALTER TABLE emails ADD marks blob",
        "ALTER TABLE mails ADD marks blob",
    ),
    ("ALTER TABLE mailboxes ADD parent_id text",),  # of a folder that lies in another
)
