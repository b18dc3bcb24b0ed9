"""What may be forgotten, on Redis: listings, presence, notices, limits."""
