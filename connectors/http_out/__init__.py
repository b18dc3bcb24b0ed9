"""HTTP as a client: messages for webhooks."""
