"""The embedded malware scanner: rules, no daemon."""
