"""The DNS, by dnspython."""
