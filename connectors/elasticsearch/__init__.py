"""Search on Elasticsearch."""
