"""A mail goes out: split (local recipients get their own copies)."""
