"""A mail is kept: store → index, notify."""
