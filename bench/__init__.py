"""What Rillmail costs on this machine: CPU, latency, memory, beside simpler and older systems."""
