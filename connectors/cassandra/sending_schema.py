"""The tables behind sending: keys that mail is signed with, app passwords, restraints.

Small and rarely written. Who can read `dkim_keys` can sign in our name: let the service's role
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
)
