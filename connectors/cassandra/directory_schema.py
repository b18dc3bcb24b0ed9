"""The tables behind the directory.

`names` and `users` are the truth: what is in them is changed by lightweight transactions
alone, never by plain writes with a timestamp of the clock (a row that is written once, before
anybody knows its key, has timestamp 1). The others only help to find what is to be looked up
there, and may hold what is no more.
"""

_SMALL = "compaction = {'class': 'LeveledCompactionStrategy'}"

MIGRATIONS = (
    (
        # Whatever stands for something: a user's address, an alias, *@ a catch-all, @ a domain.
        (
            "CREATE TABLE IF NOT EXISTS names ("
            " name text PRIMARY KEY, user_id text, targets frozen<list<text>>"
            f") WITH {_SMALL}"
        ),
        # `sign_ins` is drawn anew to end all sessions, which hold the one they began with.
        (
            "CREATE TABLE IF NOT EXISTS users ("
            " user_id text PRIMARY KEY, address text, name text, quota_bytes bigint,"
            " is_admin boolean, is_suspended boolean, created_us bigint, password text,"
            f" sign_ins text) WITH {_SMALL}"
        ),
        # Gone by themselves when they expire.
        (
            "CREATE TABLE IF NOT EXISTS sessions ("
            " token_hash blob PRIMARY KEY,"
            " user_id text, sign_ins text, scopes text, expires_us bigint"
            f") WITH {_SMALL}"
        ),
        # The users and aliases of a domain; of the domain ".": all domains and administrators.
        (
            "CREATE TABLE IF NOT EXISTS listed ("
            " domain text, kind text, bucket int, name text, user_id text,"
            f" PRIMARY KEY ((domain, kind, bucket), name, user_id)) WITH {_SMALL}"
        ),
        # The buckets that were ever used, so that a small domain is listed by few questions.
        (
            "CREATE TABLE IF NOT EXISTS listed_buckets ("
            " domain text, kind text, bucket int,"
            f" PRIMARY KEY (domain, kind, bucket)) WITH {_SMALL}"
        ),
        (
            "CREATE TABLE IF NOT EXISTS leading ("
            f" target text, alias text, PRIMARY KEY (target, alias)) WITH {_SMALL}"
        ),
    ),
    (
        # Suspended until then, and to be deleted after.
        "ALTER TABLE users ADD deletes_us bigint",
        # A token's session; without one it is of a time before there were sessions.
        "ALTER TABLE sessions ADD session_id text",
        # The programs that are signed in for a user; see ``session_rows``.
        (
            "CREATE TABLE IF NOT EXISTS user_sessions ("
            " user_id text, session_id text, sign_ins text, scopes text, client text,"
            " created_us bigint, seen_day int, expires_us bigint,"
            " salt blob, turn blob, turned_us bigint,"
            f" PRIMARY KEY (user_id, session_id)) WITH {_SMALL}"
        ),
    ),
)
