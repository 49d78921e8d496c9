"""Kafka: client configuration, administration, the embedded broker, the broadcast reader."""
