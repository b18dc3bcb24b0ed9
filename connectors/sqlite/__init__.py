"""The embedded profile's log, mailboxes, directory and search on SQLite."""
