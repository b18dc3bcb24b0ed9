"""The table of request keys; its rows go by themselves when their time is over."""

KEPT_S = 7 * 86_400

MIGRATIONS = (
    (
        (
            "CREATE TABLE IF NOT EXISTS request_keys ("
            " user_id text, key text, mail_id text, submitted_us bigint, digest blob,"
            " PRIMARY KEY ((user_id, key))) WITH"
            " compaction = {'class': 'TimeWindowCompactionStrategy',"
            " 'compaction_window_unit': 'DAYS', 'compaction_window_size': '1'}"
            f" AND default_time_to_live = {KEPT_S}"
        ),
    ),
)
