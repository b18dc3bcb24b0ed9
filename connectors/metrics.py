"""What the service counts, in the text format of Prometheus.

Hears of each record from the engine and logs one line for each that went wrong or was
asked for in detail. Counts start at zero with the process; what must be exact is read from
the stores.
"""
