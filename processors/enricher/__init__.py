"""Turns a segment's words into sentences, keywords and speech rate (consumer group `enricher`)."""
