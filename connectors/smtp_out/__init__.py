"""Mail to other systems, by SMTP."""
