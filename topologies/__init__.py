"""What happens to a mail: rules, stages and engines. No sockets, no environment."""
