"""The tables behind sending: keys that mail is signed with, second factors, restraints.

Small and rarely written. Who can read `dkim_keys` can sign in our name, who can read
`second_factors` can make codes, unless both are sealed: let the service's role
alone have this keyspace.
"""

_SMALL = "compaction = {'class': 'LeveledCompactionStrategy'}"

MIGRATIONS = (
    (
        (
            "CREATE TABLE IF NOT EXISTS dkim_keys ("
            " domain text, selector text, algorithm text, private_key text,"
            " created_us bigint, signs_from_us bigint, signs_until_us bigint,"
            f" PRIMARY KEY (domain, selector)) WITH {_SMALL}"
        ),
        (
            "CREATE TABLE IF NOT EXISTS app_passwords ("
            " user_id text, password blob, password_id text, name text, created_us bigint,"
            f" PRIMARY KEY (user_id, password)) WITH {_SMALL}"
        ),
        # Few users are restrained, so each bucket of all of them is small.
        (
            "CREATE TABLE IF NOT EXISTS restraints ("
            " bucket int, user_id text, kind text, since_us bigint, reason text, until_us bigint,"
            f" PRIMARY KEY (bucket, user_id)) WITH {_SMALL}"
        ),
    ),
    (
        # Changed by lightweight transactions alone: each code is taken once.
        (
            "CREATE TABLE IF NOT EXISTS second_factors ("
            " user_id text PRIMARY KEY, secret text, is_on boolean, last_step bigint,"
            f" recovery frozen<list<blob>>, created_us bigint) WITH {_SMALL}"
        ),
    ),
)
