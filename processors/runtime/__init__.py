"""How any processor runs: one poll loop, worker processes, commits, retries, dead letters."""
