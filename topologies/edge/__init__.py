"""BEFORE A MAIL IS ACCEPTED: what may be said against it, one check a file."""
