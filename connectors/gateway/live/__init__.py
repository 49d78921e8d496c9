"""Live events: each gateway reads the live topics whole and tells all who listen (SSE)."""
