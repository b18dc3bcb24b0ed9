"""The past, in bulk: batch jobs on Apache Beam with the same pure functions."""
