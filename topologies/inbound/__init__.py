"""A mail comes in: parse → authenticate → scan → score → route."""
