"""Mailboxes, directory and request keys on Cassandra or ScyllaDB, by scylla-driver."""
