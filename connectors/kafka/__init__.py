"""Kafka outside of Faust, by confluent-kafka: producers, topics, dead letters."""
