"""The rules of mail: pure functions, one standard a file."""
