"""Turns audio segments into words (consumer group `transcriber`)."""
