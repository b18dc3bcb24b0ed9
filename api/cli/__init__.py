"""The `rillmail` command, one file a group."""
