"""Adapters to the outside world; no consumer loops live here."""
