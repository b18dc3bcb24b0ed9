"""Virus scanning by ClamAV's daemon."""
