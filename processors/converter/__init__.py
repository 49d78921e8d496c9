"""Turns an upload into probed facts and audio segments (consumer group `converter`)."""
