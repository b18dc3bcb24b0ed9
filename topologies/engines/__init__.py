"""The engines: they read, run, write and acknowledge; what an error means is in ``handling``."""
