"""A real Kafka, schema registry and S3 server on this machine, without containers."""
