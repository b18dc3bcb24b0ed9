"""The table of mails that are put off: a small row a mail, gone some time after its end."""

MIGRATIONS = (
    (
        (
            "CREATE TABLE IF NOT EXISTS snoozes ("
            " user_id text, email_id text, snooze_id text, until_us bigint, folder_id text,"
            " PRIMARY KEY (user_id, email_id))"
            " WITH compaction = {'class': 'LeveledCompactionStrategy'}"
        ),
    ),
)
