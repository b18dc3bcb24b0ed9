"""The tables of users' rules, and of what was answered by them."""

MIGRATIONS = (
    (
        (
            "CREATE TABLE IF NOT EXISTS rules ("
            " user_id text PRIMARY KEY, version bigint, rules blob"
            ") WITH compaction = {'class': 'LeveledCompactionStrategy'}"
        ),
        # Gone by themselves when the same may be answered again.
        (
            "CREATE TABLE IF NOT EXISTS answers ("
            " user_id text, handle text, mail_id text,"
            " PRIMARY KEY ((user_id, handle))) WITH"
            " compaction = {'class': 'LeveledCompactionStrategy'}"
        ),
    ),
)
