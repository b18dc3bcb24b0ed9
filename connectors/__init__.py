"""With whom we talk: one folder a system, and none knows another."""
